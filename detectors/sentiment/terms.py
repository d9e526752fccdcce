"""The words of corporate trouble and of good business news, by points. Words of one English term are joined by ``_``.

A point is one step of the logistic scale on which :mod:`detectors.sentiment.lexicon` adds them up: three are as likely
bad news as not. What counts as serious whatever the points say stands in :mod:`detectors.sentiment.floors`. The terms
are few enough to be read and corrected by the people who answer for them.
"""

from __future__ import annotations

from typing import Final

#: Signs of trouble, or of bad press.
RISKS: Final[tuple[tuple[float, str], ...]] = (
    (
        7.0,
        "破产 资不抵债 失信 老赖 限制高消费 限高令 限制消费令 终结本次执行 强制执行 被执行人 吊销 欠税 偷税 逃税 "
        "骗税 虚开 非正常户 欠薪 讨薪 拖欠工资 跑路 卷款 人去楼空 爆雷 暴雷 债券违约 债务违约 资金链断裂 刑事拘留 "
        "刑拘 逮捕 批捕 刑事立案 立案侦查 合同诈骗 非法集资 集资诈骗 责令停产 停产整顿 责令关闭 强制退市 欺诈发行 "
        "财务造假 bankruptcy bankrupt insolvency insolvent defaulted_on default_on tax_evasion tax_arrears "
        "unpaid_wages dishonest_debtor license_revoked ordered_to_shut criminal_investigation accounting_fraud "
        "ponzi absconded owner_missing fatal_explosion assets_frozen consumption_ban",
    ),
    (
        6.0,
        "倒闭 清盘 被接管 失联 潜逃 冻结 查封 司法拍卖 违约 终止上市 暂停上市 退市风险 退市 逾期 断贷 抽贷 "
        "债务危机 流动性危机 流动性紧张 资金链紧张 持续经营能力 无法表示意见 否定意见 保留意见 行贿 传销 操纵市场 "
        "内幕交易 立案调查 被立案 立案稽查 爆炸 坍塌 死亡 身亡 遇难 伤亡 重大事故 安全事故 财务虚假 虚假记载 "
        "虚增利润 虚增收入 造假 老板失踪 停业 歇业 关厂 关闭工厂 全面停工 liquidity_crisis delisted delisting "
        "ceases_production going_concern embezzlement",
    ),
    (
        5.5,
        "巨亏 巨额亏损 大幅亏损 预亏 首亏 续亏 由盈转亏 由盈转亏损 转亏 扩亏 亏损扩大 业绩暴雷 业绩变脸 预降 预减 "
        "同比降 同比减 同比下降 同比下滑 同比减少 同比缩水 同比大降 环比降 环比下降 环比下滑 环比减少 净利降 "
        "净利大降 净利润降 净利下降 净利下滑 净利减 净利缩水 利润降 利润下降 利润下滑 利润减少 业绩下滑 业绩下降 "
        "业绩大降 业绩下修 业绩预减 营收降 营收下滑 营收下降 收入下降 收入下滑 收入减少 销量下滑 销量下降 销量降 "
        "增收不增利 计提减值 商誉减值 减值损失 资产减值 坏账 下修 下调业绩 下调盈利 业绩不达标 未达业绩承诺 "
        "业绩承诺未完成 不及预期 低于预期 net_loss profit_warning earnings_slump",
    ),
    (
        5.0,
        "经营困难 陷入停顿 陷入停滞 停摆 大门紧闭 "
        "亏损 减持 清仓 套现 抛售 甩卖 被否 未获通过 未通过 不予核准 未获核准 未获批准 否决 撤回申请 监管函 关注函 "
        "警示函 问询函 问询 被问询 责令改正 责令整改 责令限期 公开谴责 通报批评 行政处罚 被处罚 被罚 遭罚 罚款 "
        "罚没 处罚 约谈 被调查 遭调查 接受调查 被查 遭查 协助调查 违法违规 违规担保 资金占用 信披违规 信息披露违法 "
        "违规 违法 涉嫌 内控缺陷 裁员 大规模裁员 停产 停工 罢工 下调评级 评级下调 列入负面观察 平仓 爆仓 强平 跌停 "
        "闪崩 暴跌 终止重组 终止收购 终止筹划 终止重大资产重组 终止非公开发行 终止定增 终止发行 终止资产重组 "
        "终止购买 终止交易 终止合作 终止协议 终止转让 终止股权 终止实施 终止增发 终止本次 重组失败 重组终止 "
        "收购失败 收购终止 定增终止 流产 告吹 搁浅 夭折 layoffs downgraded fined under_investigation",
    ),
    (
        4.5,
        "被起诉 被诉 遭起诉 遭诉 涉诉 涉案 败诉 诉讼 仲裁 索赔 诉求 被申请 官司 纠纷 拖欠 欠款 追讨 举报 投诉 维权 "
        "质疑 遭疑 做空 丑闻 造谣 泄露 泄密 侵权 侵占 挪用 被骗 遭骗 诈骗 火灾 起火 大火 事故 泄漏 污染 排污 偷排 "
        "超标排放 环保处罚 环境违法 安全隐患 召回 不合格 质量问题 食品安全 假冒 伪劣 抽检 被暂停 被终止 被取消 "
        "被解除 被撤销 被收回 被冻 轮候 高管辞职 董事长辞职 总经理辞职 财务总监辞职 总裁辞职 董秘辞职 辞职 辞去 "
        "离职 被免职 免去 更换会计师 会计师辞任 延期披露 无法按期披露 延迟披露 延期回复 更正公告 会计差错 lawsuit "
        "sued recall fraud scandal",
    ),
    (
        4.0,
        "终止 中止 取消 撤回 放弃 失败 受阻 未能 无法 难以 叫停 推迟 延期 暂缓 搁置 解除协议 解除合同 解约 退出 遭 "
        "下滑 下降 减少 缩水 下跌 大跌 降幅 跌幅 下调 预计下降 降低 承压 拖累 困境 危机 风险提示 风险警示 提示风险 "
        "异常波动 被实施 股票交易风险 警示 戴帽 减产 限产 产能过剩 订单减少 需求疲软 滞销 退货 拒付 缺口 受损 损失 "
        "损毁 受灾 撤销 注销 关闭 裁定 判决 起诉 质押违约 补充质押 触及平仓线 警戒线 被动减持 业绩承诺 补偿款 "
        "被冻结 占用 违反 过失 瑕疵",
    ),
    (
        2.5,
        "降 跌 减 预警 风险 压力 负面 不确定性 不足 放缓 疲软 低迷 停牌核查 核查 自查 诉 索 暂停 "
        "停止 延长 质押 被动 拍卖 股权质押 解禁 限售股",
    ),
    (
        1.0,
        "未 变更",
    ),
    (
        0.5,
        "澄清 传闻 回应",
    ),
)
#: Signs of good business, and phrases that take the sting out of a word above.
RELIEFS: Final[tuple[tuple[float, str], ...]] = (
    (
        4.0,
        "扭亏 扭亏为盈 减亏 亏损收窄 亏损缩小 亏损减少 大幅减亏 同比减亏 同比扭亏 摘帽 撤销退市风险警示 "
        "撤销风险警示 撤销其他风险警示 终止减持 未减持 不减持 承诺不减持 停止减持 提前终止减持 无减持 未实施减持 "
        "撤销处罚 胜诉 和解 解除冻结 解除质押 解除查封 恢复上市 恢复生产 复产 复工 移出 信用修复 无罪 不起诉 撤案 "
        "倒闭潮 破产法 反诈 零事故 零违约 不涉及 不存在 净利增 净利润增 净利同比增 净利大增 净利翻 净利预增 "
        "业绩预增 业绩大增 业绩增长 预增 预盈 同比增 同比增长 同比上升 环比增 环比增长 同比翻 翻番 翻倍 倍增 "
        "创新高 历史新高 上调 增持 回购 中标 预中标 联合中标 profit_growth wins_contract buyback upgraded",
    ),
    (
        3.0,
        "获批 获核准 获通过 获证监会 核准 批复 批准 过会 有条件通过 审核通过 获得通过 领取批文 拿到批文 签订 签署 "
        "签约 签下 签 战略合作 合作 框架协议 大单 订单 合同 中选 竞得 摘得 获得 斩获 收到政府补助 政府补助 补助 "
        "补贴 奖励 派现 分红 高送转 10转 10派 每10股 送转 转增 派息 收购 并购 受让 购买 增资 投资 设立 新设 成立 "
        "投建 投产 量产 达产 扩产 新建 布局 进军 拓展 入选 获奖 获评 荣获 专利 认证 中国首个 首款 首台 突破 "
        "研发成功 授信 纳入 入股 引入 举牌 增长 增逾 增超 大增 涨停 上涨 盈利 获利 定增募资 募资 员工持股 股权激励 "
        "授予 整体上市 借壳 评级上调 稳健 向好",
    ),
    (
        1.5,
        "增 涨 获 拟 推 复牌 并表 转让 出售 上市 首发 发行 筹划 子公司 全资 项目 亿元 承接 承包 业绩快报 开业 运营 "
        "启动 推进 完成 顺利 通过 试点",
    ),
)
