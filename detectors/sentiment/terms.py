"""The risk terms, by severity. Words of one English term are joined by ``_``.

They are about corporate distress, not about mood, and few enough to be read and corrected by the people who answer for
them.
"""

from __future__ import annotations

from typing import Final

#: Serious for its subject whatever a model may say.
HARD: Final[tuple[tuple[float, str], ...]] = (
    (
        0.95,
        "破产清算 破产受理 受理破产 破产重整 申请破产 被申请破产 宣告破产 破产申请 资不抵债 bankruptcy "
        "insolvency insolvent",
    ),
    (0.9, "失信被执行人 失信名单 严重违法失信 老赖 dishonest_debtor"),
    (0.88, "无力偿付 无力偿还 无法偿还 不能清偿到期债务"),
    (0.82, "司法冻结 被冻结 轮候冻结"),
    (0.85, "欠缴 吊销 骗贷"),
    (0.88, "债券违约 债务违约 实质性违约 未能兑付 无法兑付 到期未兑付 爆雷 暴雷 defaulted_on default_on"),
    (0.85, "限制高消费 限制消费令 限高令 被限高 限制消费 consumption_ban"),
    (
        0.85,
        "吊销营业执照 吊销执照 吊销许可证 被吊销 责令停产 停产整顿 责令关闭 关停取缔 ordered_to_shut license_revoked",
    ),
    (0.9, "跑路 失联 人去楼空 老板失踪 法人失踪 实控人失踪 去向不明 owner_missing absconded"),
    (0.85, "欠税公告 欠税 偷税 逃税 虚开发票 虚开增值税 骗税 骗取出口退税 非正常户 tax_evasion tax_arrears"),
    (0.85, "拖欠工资 欠薪 讨薪 拖欠农民工 拖欠员工工资 unpaid_wages"),
    (
        0.88,
        "涉嫌犯罪 刑事立案 刑事拘留 被刑拘 被批捕 逮捕 合同诈骗 非法集资 非法吸收公众存款 集资诈骗 "
        "挪用资金 职务侵占 财务造假 立案侦查 criminal_investigation accounting_fraud ponzi",
    ),
    (0.82, "终结本次执行 终本案件 强制执行 被执行人 被执行标的 列为被执行"),
    (
        0.82,
        "股权冻结 股份冻结 股权被冻结 账户冻结 账户被冻结 冻结资产 查封资产 资产被查封 被查封 assets_frozen",
    ),
    (
        0.85,
        "重大安全事故 爆炸事故 特大事故 重大事故 坍塌事故 火灾事故 致人死亡 人死亡 人遇难 fatal_explosion",
    ),
)
#: Signs of trouble, or of bad press.
SOFT: Final[tuple[tuple[float, str], ...]] = (
    (
        0.6,
        "停产 停工 停业 歇业 倒闭 关闭工厂 关厂 资金链断裂 资金链紧张 断贷 抽贷 逾期 债务危机 流动性危机 "
        "违约 清盘 退市 被接管 全面停工 ceases_production liquidity_crisis delisted",
    ),
    (
        0.5,
        "裁员 大规模裁员 巨额亏损 大幅亏损 由盈转亏 业绩暴雷 业绩变脸 商誉减值 计提减值 信用评级下调 "
        "下调评级 评级下调 无法表示意见 保留意见 否定意见 持续经营能力 downgraded going_concern layoffs",
    ),
    (
        0.45,
        "立案调查 被调查 监管函 警示函 问询函 行政处罚 被处罚 罚款 责令整改 责令改正 公开谴责 通报批评 "
        "约谈 违法违规 违规担保 资金占用 信披违规 under_investigation fined",
    ),
    (
        0.4,
        "亏损 预亏 首亏 续亏 业绩下滑 净利下滑 净利润下降 营收下滑 订单减少 产能过剩 减产 限产 高管辞职 "
        "董事长辞职 财务总监辞职 更换会计师 延期披露 无法按期披露 profit_warning net_loss",
    ),
    (
        0.4,
        "环保处罚 环境违法 排污 污染 偷排 安全隐患 质量问题 产品召回 召回 不合格 食品安全 假冒伪劣 抽检不合格 recall",
    ),
    (
        0.35,
        "被起诉 被诉 起诉 诉讼 仲裁 纠纷 拖欠货款 拖欠 追讨 欠款 股权质押 质押平仓 爆仓 套现 举报 "
        "实名举报 投诉 维权 lawsuit sued",
    ),
    (
        0.3,
        "负面 下滑 下跌 暴跌 跌停 缩水 承压 困境 危机 质疑 做空 风险提示 风险警示 丑闻 泄密 罢工 拒付 退货",
    ),
    (0.6, "暂停上市 终止上市"),
    (0.45, "涉嫌 冻结 查封 扣押"),
    (
        0.35,
        "终止重组 终止筹划 终止收购 终止重大资产重组 终止非公开发行 下修 同比下降 预计下降 利润下降 业绩下降 净利降",
    ),
    (0.2, "减持 终止 暂停 下降 下调 证监局 触及"),
)
