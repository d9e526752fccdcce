"""What takes a fact back: denials, measures that were lifted, drills and lectures, mere possibilities.

All of it is told by words, in tables. A fact is looked for in a text in which the enterprise's own name is masked: a
training firm's bankruptcy is no training.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from detectors.sentiment.words import (
    BEGIN,
    CLAUSE_END,
    DIGIT,
    END,
    ENDS,
    HAN,
    MASK,
    SELF,
    Pattern,
    any_of,
    captured,
    if_next,
    maybe,
    then,
    times,
    trie,
    unless_last,
    unless_next,
    without,
)

# Denials before a fact.

#: They deny whatever follows them in the clause.
_DENIES: Final = any_of(
    """
        不存在 不涉及 未涉及 未发生 未发现 未出现 未被 未遭 未受到 没有被 没被 没有发生 没有出现 没有任何 没有因
        无任何 无一 绝非 不是 均不是 也不是 并不是 都不是 不属于 不会 不构成 否认 澄清 辟谣 不实
        不属实 谣传 谣言 误传 排除 免于 避免 防止 杜绝 预防 防范 严防 谨防 警惕 从未 从没 未曾 移出 移除 撤出 撤回
        驳回 不予受理 不受理 裁定不受理 解封 解冻 摘除 摘掉 屏蔽 将可能
    """,
    then("并未", unless_next("能 按 如 及")),
    then("并非", unless_next("法")),
    then("均无", unless_next("力 法 可供")),
    then("走出 摆脱 告别", if_next(24, "阴影 阴霾 困境 泥潭 风波 低谷")),
    then("可能", if_next("被 遭 会被 将被")),
    # It is told by those who make it up, or by mistake.
    then("造谣 编造 捏造 散布 谎称 虚构 误传 误将 误把 误报", 6, SELF),
    "是否 是不是 会不会 有没有 有无",
    "如果 倘若 假如 假设 一旦 万一",
    then("若", unless_next("干")),
    then(BEGIN, "如", unless_next("期 约 下 今 何 皋 东", then("实", unless_next("际控制 控人")))),
    then("不再", if_next("是 列 属 被 受 限 为 存在 拖欠 欠 失信")),
    "误列 误录 误登 误标 错列 误认 造谣 捏造",
    then("错误", maybe("地"), if_next("冻结 查封 列 纳 登记 认定 标 划 扣划 执行 限高 限制 吊销")),
    "压力测试 极端情形 极端情景",
    then("误操作 系统故障 系统错误 录入错误 工作失误 数据错误", 4, "被 误", if_next("列 划 认 纳 标 录 登 转")),
    # What was paid: 补发被拖欠的工资.
    then("补发 发放 支付 补缴 结清 付清 还清 缴清 清偿", maybe("了 完 全部"), if_next("被拖欠 被欠 被克扣")),
    "紧邻 毗邻 紧挨",
    "虚假举报 恶意举报 不实举报 诬告 诬陷",
    then("防", if_next("欠薪 失联 跑路 爆炸 火灾 中毒 坍塌 泄漏 诈骗 逃税 虚开")),
    then(unless_last("特 级 个 分 类 性"), "别 不要 勿", maybe("再"), maybe("瞎 乱 胡"), "传"),
    # What it could come to, or what a product is good for: 可能导致账户被冻结, 可抵御爆炸.
    then("可能", maybe("会 将"), "导致 造成 引发"),
    then(
        "可 能 能够 可以 有效 用于",
        maybe("有效 及时 快速 自动"),
        "抵御 防御 承受 抵抗 阻止 抑制 隔绝 监测 检测 识别 预警 规避 扑灭",
    ),
    then("不符合 未达到 不满足 不具备", if_next("列入 纳入 认定 破产 受理")),
    then("不在", if_next(14, "名单 之列 名录")),
    # It is only asked who, or how not to.
    "哪些 哪类 哪种 什么情况 什么情形 怎样 怎么才 谁是",
    then("如何", unless_next("走向 走到 走上 沦为 陷入 一步步 从")),
)
#: They deny only what stands near behind them: with a verb between they are a reproach, 未支付工资被强制执行.
_DENIES_LOOSELY: Final = any_of(
    "没有 未收到 没收到 未接到",
    then("没", if_next("拖欠 跑路 破产 欠")),
    # 未能 and 未按 tell of a failure, 未解除 of a fact that lasts.
    then(
        "未",
        unless_next("能 按 解 撤 移 摘 恢 结 取 消 及 履 支 缴 偿 归 兑 付 清 披 足 如 办 批 经 决 完 发放 收 领 拿"),
    ),
    then("不", if_next("破产 违约 跑路 失联 逾期 停产 欠 拖欠 会")),
    then(
        "无",
        if_next(
            """
                失信 欠 违约 被执行 不良 行政处罚 刑事 冻结 查封 司法 涉税 逾期 拖欠 重大 安全 事故 破产 违法 严重 虚开
                犯罪 债 贷款 借款 任何 工资 未结 终本 终结 限高 限制 立案 未履行 未清偿 未了 账户 股权 厂房 吊销 非正常
                老板 法定代表人 失联 跑路 诈骗 合同诈骗 实际控制人 实控人 商票 票据 爆炸 火灾 伤亡 死亡 停产 停业 强制
                轮候 涉诉 涉刑 涉嫌 诉讼 走逃 偷 重整
            """,
        ),
    ),
    then("零", if_next("欠 事故 违约 失信 死亡 工亡 伤亡")),
    # It is over, or was paid.
    """
        已支付 支付了 清理 清欠 缓解 远离 拒绝 否决 化解 解决 平息 告别 走出 免除 修复 消除 退出 解除 撤销 取消 删除
        终止 补缴 缴清 结清 还清 清偿 付清 补发 偿清 清缴 足额发放 发放 偿还 提前偿还 按期兑付 按期足额兑付 按时兑付
        足额缴纳 全额缴纳 按时足额兑付 足额兑付 足额支付 全额兑付 如期兑付 如期偿付 如期偿还 按时偿还 按期偿还 没收到
    """,
    then("终结", if_next("破产 重整")),
    # It might be so.
    "可能 或将 恐将 或被 或面临 恐被 恐面临 疑似或",
    then("如", unless_next("期 约 下 今 何 皋 东", then("实", unless_next("际控制 控人")))),
)
#: They deny even what is only promised: 承诺绝不虚开.
_NEVER: Final = any_of(then("并无", unless_next("力 法 可供")), "绝不 决不 永不 从不 绝无 坚决不 承诺不 保证不")
#: What was over has come back: 曾移出失信名单,近日再度被列入.
_AGAIN: Final = then("再度 再次 又 重新", maybe("被 遭"), "列入 纳入 列为", any_of(ENDS, "其中 名单")).compile()
#: ... told at most so many characters later.
_SOON: Final = 60
#: What is told to deny a rumour, 辟谣:公司没有 ..., is denied by any small no.
_SAYS_NO: Final = then("辟谣 澄清 否认", 6, Pattern(":"), END).compile()
_NO: Final = then(
    any_of("没有 无 并非 不是 不存在", then("未", unless_next("能 按 履 支 缴 偿 归 兑 付"))), 14, END
).compile()
_DENIES_IN_ENGLISH: Final = any_of("no_ not_ denied_ denies_ without_ dismisses_")
_DENIAL: Final = re.compile(
    f"(?P<never>{_NEVER.source})|(?P<firm>{_DENIES.source}|{_DENIES_IN_ENGLISH.source})|{_DENIES_LOOSELY.source}",
    re.IGNORECASE,
)
_DENIAL_HINT: Final = any_of(_NEVER, _DENIES, _DENIES_LOOSELY, _DENIES_IN_ENGLISH).hint()
#: A denial does not reach over these: what follows is a new statement.
_BREAKS: Final = any_of(
    """
        但 不过 然而 却 一边 承认 证实 坦言 暨 导致 致使 后被 而被 遂被 反被 随后 仍 依然 再度 再次 同时被 以致 从而
        未果 无果 失败 义务被 而遭 并被 又被
    """
).compile()
#: A loose denial does not reach over these either.
_VERB: Final = any_of(
    """
        被 遭 并 履行 按期 按时 如期 及时 支付 归还 披露 公告 申报 缴纳 告知 联系 通过 取得 办理 整改 合作 合同 协议
        劳动 关系 定增 收购 重组 职务 资格 订单 报告 安装 采取措施
    """
).compile()
_LOOSE_REACH: Final = 14

# Ends.

#: With one of these before it, an end is only asked for, promised or refused.
_NOT_YET: Final = then(
    any_of(
        "未",
        then("不", unless_next("予")),
        "没 没有 尚未 无法 无力 未能 拒不 拒绝 仍未 难以 要求 责令 限期 催 承诺",
        then(unless_last("已 并 现"), "将", unless_next("被告 其 该 公司 我司 上述", SELF)),
        "拟",
        then(unless_last("重整 和解 清偿 偿债 还款"), "计划"),
        then(unless_last("依"), "申请", unless_next("人 已 被 获 遭 均 经 未")),
        then("逾期", unless_next("贷款 借款 债务 票据 商票 欠款 本息 利息 款项")),
        "需 须 请求 督促 勒令 恳请 有望 争取 试图 等待 何时 暂缓 寻求 希望 呼吁 命令 判令 判决",
    ),
    12,
    END,
).compile()
#: Yet what must not be, 要求无失信记录, is not.
_IS_NOT: Final = then(BEGIN, "无 未被 没有 不存在 造谣 捏造").compile()
#: Others' cases are told first, then what the enterprise learns from them.
_LESSON: Final = then(
    Pattern(f"[{CLAUSE_END}]"), SELF, 14, "学习 自查 培训 宣讲 举一反三 引以为戒 对照 警示 捐 驰援 支援 慰问"
).compile()
#: What was only asked for has been granted: 申请撤出失信名单获准.
_GRANTED: Final = then(BEGIN, 12, "获准 获批 获通过 获同意 获支持 获法院 被准许 成功").compile()
#: Right after the fact it is said to be over or untrue, whatever it was.
_OVER: Final = then(
    BEGIN,
    16,
    captured(
        any_of(
            """
                不实 不属实 失实 谣言 谣传 误传 误读 假消息 假新闻 子虚乌有 纯属 无中生有 无稽之谈 不存在 解除 撤销
                撤回 取消 移出 移除
            """,
            then("退出", unless_next("市")),
            then("被 遭 裁定", 6, "驳回"),
            """
                停止公示 停止公开 不再公示 造的谣 瞎编 解封 解冻 解禁 失效 删除 清除 消除 屏蔽 修复 不予受理 未获受理
                未被受理 不被受理 不成立 已结清 已还清 已清偿 已偿清 已缴清 已缴纳 已偿还 已了结 已化解 履行完毕
                执行完毕 已结案 已执结 执行和解 达成和解 已和解 和解结案 履行结案 补缴完毕 已补缴 已补发 全部补发
                全部补缴 全部发放 发放完毕 发放到位 已发放 缴清 清零 已成历史 已成为历史 翻篇 全部解决 妥善解决
                圆满解决 得到解决 已获解决 已解决 撤下 结束 验收通过 通过验收 验收合格 转为正常 到位 销号 销案 无缘
                不沾边 期满 届满 异议成立 异议获 调解成功 调解结案 和解成功 denied dismissed lifted
            """,
        )
    ),
).compile()
#: By kind: how a later clause, or the rest of this one, says that it is over.
_ENDS: Final = MappingProxyType(
    {
        "bankruptcy": "撤回 驳回 不予受理 未予受理 执行完毕 撤销 恢复正常经营 重整成功",
        "dishonest": "移出 移除 撤销 删除 屏蔽 修复 履行完毕 解除 退出 下架 下线 履行全部 摘帽 恢复",
        "serious-violation": "移出 移除 撤销 删除 修复 退出",
        "consumption-ban": "解除 撤销 取消 移出 履行完毕 和解",
        "enforcement": "支付完毕 缴清 全额支付 足额支付 履行完毕 和解 执行完毕 结案 执结 撤回 撤销 付清 还清 清偿 "
        "结清 解除 驳回 履行全部 履行",
        "terminated": "履行 履行完毕 和解 执行完毕 执结 还清 清偿 结清",
        "freeze": "解冻 解封 解除 撤销 恢复使用 恢复正常 恢复收付 恢复支付 恢复结算 恢复收支 释放",
        "revocation": "撤销 恢复 收回成命 纠正",
        "tax": "补缴 缴清 结清 缴纳 缴齐 解除 恢复正常 恢复为 清缴 补税 完税证明 入库 还清 修复 付清 撤下 撤销",
        "wages": "补发 发放 结清 付清 支付 清偿 领到 拿到 兑现 到账 解决 还清 清零 到手",
        "owner-missing": "回国 现身 恢复联系 返回 取得联系 露面 返岗 归来 系误会 正常履职",
        "criminal": "无罪 不起诉 撤案 撤销 排除 不予立案 解除 国家赔偿 平反 终止侦查",
        "default": "兑付 偿还 付清 结清 清偿 偿清 还清 偿付 支付 付息 化解 到账 筹足 归还 展期 转为正常",
        "accident": "无此事",
        "shutdown": "恢复生产 复产 恢复营业 复工 解除 撤销 整改完成 验收通过 通过验收 验收合格 恢复正常 重新开工 "
        "恢复经营 结束",
    }
)
#: An end needs one of these before it ...
_DONE: Final = (
    "已 现 目前 日前 均 全部 全额 如今 今 获 得以 成功 顺利 重新 完成 近日 昨 正式 如数 悉数 足额 决定 裁定 作出 依法 "
    "依规 届满 期满 予以 宣告 后"
)
#: ... or one of these behind.
_DONE_AFTER: Final = "完毕 到位 到账 了 成功"
#: These need neither.
_PLAINLY: Final = any_of(
    "无罪释放 宣告无罪 改判无罪 判决无罪 查无实据 本人现身 本人发视频 本人直播",
    then("破产 清算", maybe("的"), "申请", 8, "驳回"),
)
#: A court or a prosecutor has done so, and is not asked to.
_ANNULLED: Final = any_of(
    "不予起诉 不起诉决定 存疑不起诉",
    then("被", maybe("法院 二审 再审"), "确认违法 确认无效"),
    then("被", maybe("法院 二审 再审 复议机关"), "判决 裁定 决定", maybe("予以 依法"), "撤销"),
    then("法院 二审 再审", "判决 裁定", maybe("予以 依法"), "撤销", 8, "处罚 处理 认定 吊销 冻结 查封 限高 限制"),
).compile()
_ENDED: Final = {
    kind: any_of(then(_DONE, 12, captured(words)), then(captured(words), 4, _DONE_AFTER), captured(_PLAINLY)).compile()
    for kind, words in _ENDS.items()
}
_PARTLY: Final = any_of("部分 仅 一半 为由 不能 不足以").compile()
#: The enterprise objects in vain: 不服上诉被驳回.
_OBJECTS: Final = then("解除 解封 撤销 异议 复议 上诉 不服 提请 抗诉 申诉", 30, END).compile()
_LICENCE: Final = "许可 资质 执照 牌照 资格"
#: A fact takes itself back: 撤销吊销决定; but 撤销许可 is one.
_WITHIN: Final = any_of(
    "不予受理 不受理 驳回 不存在 误传 谣传 误认 未被 并未 移出 解除 解封 解冻 未发生",
    then("无 未 零 没有 不", "违约 逾期 拖欠 欠"),
    # Reorganised, unless the attempt ends in bankruptcy.
    then("终结 终止", 30, "重整", unless_next(then(30, "宣告 破产"))),
    "不起诉",
).compile()
#: In what is no withdrawal of a licence, a withdrawal takes it back; one of 吊销 takes that back.
_WITHDRAWN: Final = any_of("撤销 撤回").compile()
_UNREVOKED: Final = then("撤销 撤回", without("并", 20), "吊销").compile()

# Talk of such things.

#: The clause only speaks of them: drills, lectures, rules, products.
_ABOUT: Final = any_of(
    "演练 演习 模拟 推演 讲座 普法 研讨 论坛 沙龙 课程",
    then("培训", unless_next("机构 学校 中心 班 公司 集团")),
    """
        宣传 宣讲 警示教育 警示片 警示标语 典型案例 案例 征文 竞赛 知识 白皮书 蓝皮书 手册 指南 预案 条例 管理办法
        征求意见 立法 司法解释 修订草案 法律法规 保险产品 保险服务 责任险 保证保险 保函 预警系统 预警平台 查询系统
        查询平台 查询功能 查询服务 识别平台 识别系统 监测平台 监测系统 管理系统 管理平台 小程序 机制 专题片 纪录片 电影
        电视剧 小说 游戏 剧情 反诈 防骗 支招 撰文 评析 剖析 解析 安全检查 隐患排查 大排查 专项整治 专项行动 专项检查
        排查 讲解 讲授 解读 欠薪保障 保证金 周年 纪念 科普 学习 教育基地 体验馆 预测模型 研究报告 课题 论文 清欠活动
        招标公告 风险防范 防控 批量查询 全维度 drill seminar training
    """,
    then("一键", 2, "查 看 识 搜 检"),
).compile()
#: Yet with one of these before it the fact is one: 因未开展应急演练被责令停产.
_BUT_IS: Final = any_of(
    then("被 遭", unless_next("告 执行 害"), 16, END),
    "承认 涉嫌",
    then("致", DIGIT),
    "宣告 裁定 责令 查明",
    then("发现", unless_next("场")),
    then("发生", 12, END),
    then("因", 16, END),
).compile()
#: It is only rumoured, and nobody owns to it: 回应失联传闻.
_RUMOUR: Final = then(BEGIN, 2, "传闻 传言 流言 谣言 猜测 猜想 说法 疑云").compile()
_OWNED: Final = any_of(then(unless_last("不"), "属实"), "承认 证实 坦言 确有 确认 坐实 成真").compile()
#: It is asked: 会破产吗?
_ASKED: Final = then(BEGIN, 8, "吗 么 怎么办", END).compile()
#: What is only told or asked, 传甲公司破产?, comes to nothing if all goes on as ever.
_HEARSAY: Final = any_of(then(BEGIN, "传 据传 听说 传言 网传 疑 疑似 坊间 有传 盛传 风传"), then("?", END)).compile()
_AS_EVER: Final = then("经营 运营 生产 营业 运转 履职 交付 一切 生活 工作 业务", 4, "正常 有序 照常 稳定").compile()
#: Only the danger of it: 识别跑路风险.
_DANGER: Final = then(
    BEGIN,
    maybe("的 等 类 之"),
    any_of(then("风险", unless_next("信息 名单 记录 企业")), "隐患 概率 可能 预警 苗头 危害"),
).compile()
#: Only how it is done: 虚开发票的骗局.
_TRICK: Final = any_of(
    then(BEGIN, 6, "的 类 等", 2, "骗局 骗术 套路 手法 伎俩 陷阱 教训 乱象"), then(BEGIN, "险”")
).compile()
#: Firms at large may be meant: 企业破产了个人要不要还债.
_AT_LARGE: Final = then("企业 公司 单位 个人 老板", maybe("被 涉嫌 如果 要是"), END).compile()
_WHETHER: Final = then(
    BEGIN, 14, "要不要 该不该 能不能 会不会 是不是 怎么 如何 怎样 为何 为什么 多久 咋 算不算 有何 有哪些 几步 几种"
).compile()
#: A product against such facts: 虚开发票识别引擎.
_PRODUCT: Final = then(
    BEGIN,
    without("被 遭 经 因", 8),
    "识别 预警 监测 查询 检测 检索 防控 阻断 抑制 扑救 风控 管理 惩戒",
    maybe("和 与 及 分析 管理 智能"),
    "引擎 系统 平台 接口 模型 技术 产品 服务 功能 工具 算法 设备 装置 仪 模块 软件",
).compile()
#: Because of somebody's trouble: 受邻厂停产影响.
_UNDER: Final = then("受", unless_next("公司 自身 上述 该 此 本"), HAN, HAN, 14, END).compile()
_UNDER_END: Final = then(BEGIN, 4, "影响 拖累 波及").compile()
#: What would follow: 若发生 ...,即构成违约.
_IF: Final = then(
    Pattern(f"(?:^|[{CLAUSE_END}:])"),
    any_of(then("若", unless_next("干")), then("如", unless_next("期 约 下 今 何")), "一旦 倘若"),
    40,
    Pattern(","),
    END,
).compile()
_WOULD: Final = then(BEGIN, "即 则 将 就 可 视为 愿 可能").compile()
#: What the enterprise did by it: 通过强制执行收到货款.
_BY_MEANS: Final = then("通过 经 依靠 借助 历经", maybe("法院 申请"), END).compile()
_GAINS: Final = then(BEGIN, 8, "收到 追回 拿回 收回 挽回 要回 讨回 获偿").compile()
#: What shall be done with such a party, in a rule or a contract: 被列为失信被执行人的不得担任董事.
_RULE: Final = then(BEGIN, 10, "的 者 时 后", maybe("一律"), "不得 不予 禁止 有权 视为 应当 须 可以").compile()
#: A question that the enterprise answers: 欠薪怎么维权?甲公司律师答疑.
_QUESTION: Final = any_of("怎么 如何 怎样 什么 哪些 多久 吗 咋 能不能 要不要 还能 会不会 该不该").compile()
_ANSWERS: Final = then(
    Pattern(r"\?"),
    maybe(6),
    SELF,
    16,
    "律师 顾问 专家 老师 讲 解 教你 答 支招 直播 课 公众号 视频 法务 团队 热线 告诉",
).compile()
#: It is asked about another's: 虚开发票协查函.
_INQUIRY: Final = then(BEGIN, 6, "协查 协助执行 协执").compile()
#: A firm may have been founded then, or have borrowed what it now does not pay.
_SINCE: Final = "创 成立 注册 上市 建 投产 起家 签 借"
#: A number of years that no longer counts.
_AGES: Final = then(
    any_of("十 数十 几十 多 若干", times("一 二 三 四 五 六 七 八 九 十", 2, 3), then("1 2 3 4 5 6 7 8 9", DIGIT)),
    maybe("多 余 几"),
    "年前",
)
#: The clause before is no more than that: 十五年前,甲公司一度 ...
_AGES_AGO: Final = then(_AGES, Pattern(f"[{CLAUSE_END}]"), END).compile()
#: So long ago that it no longer counts.
_LONG_AGO: Final = any_of(
    then(
        _AGES,
        without(_SINCE, 8),
        END,
    ),
    then("18 19", DIGIT, DIGIT, "年", without(_SINCE, 10), END),
    then("回忆 回顾 忆起 追忆 讲述", 24, END),
    then("上世纪 上个世纪", 16, END),
    then("一度", maybe("濒临 面临 陷入 走到"), END),
).compile()
_STILL: Final = any_of("至今 仍 近日 日前 目前 再次 再度 现被 现已被 如今被 又被 再被").compile()
#: Titles of products, plays and teams: 手游《跑路大作战》, 战队“失信者联盟”.
_QUOTES: Final = MappingProxyType({"《": "》", "“": "”", "「": "」", "『": "』"})
_WORK_BEFORE: Final = then(
    """
        游戏 手游 网游 桌游 电影 影片 电视剧 网剧 短剧 剧集 话剧 舞台剧 小品 相声 歌曲 单曲 专辑 小说 漫画 图书 新书
        著作 专著 栏目 节目 展览 特展 战队 队 新品 菜品 单品 品牌 密室 剧本杀 盲盒 课程 公开课 主题 网名 昵称
    """,
    4,
    END,
).compile()
_WORK_AFTER: Final = any_of(
    then(BEGIN, "登上 入选", 8, "畅销 书榜"),
    then(
        BEGIN,
        4,
        """
            上市 夺冠 获胜 上映 开播 首映 首演 公演 上架 热卖 卖断货 发售 热销 公测 开展 开幕 沉浸展 特展 展览 主题展
            出版 首发 杀青 小程序 功能 模块 课程 系列 新书 一书
        """,
    ),
).compile()

# Whose it is not, whatever the parties.

#: Private matters of a person, not the firm's.
_PRIVATE: Final = any_of(
    """
        醉驾 酒驾 醉酒 危险驾驶 交通肇事 嫖娼 卖淫 猥亵 强奸 强制猥亵 家暴 故意伤害 打架 斗殴 打人 寻衅滋事 赌博 吸毒
        离婚 重婚 婚内 虐待 偷拍 杀人 遗弃 滋事 殴打
    """
).compile()
#: Persons whose crime is not the firm's; it may be the victim.
_PERSONS: Final = any_of(
    """
    前员工 原员工 离职员工 员工 职工 项目经理 出纳 会计 保安 司机 业务员 销售员 业务经理 区域经理 仓管 保管员 采购员
    前高管 离职高管 前总经理 前总裁 前董事长 前任 前副总 原副总 门店店长 店长 快递员 收银员 销售经理 销售总监
    采购经理 采购人员 业务人员 采购主管 销售主管 仓储主管 财务人员 工作人员 保洁 厨师 实习生 文员 旅客 乘客 顾客 住客
    游客 租户 网友 路人 观众
    """
)
_STAFF: Final = then(_PERSONS, unless_next(then(2, "举报 讨 报案")), 16, END).compile()
#: One of them went missing: 甲公司项目经理卷走工程款后失联.
_STAFF_MISSING: Final = then(
    SELF,
    maybe("的 一 一名 某"),
    _PERSONS,
    without("老板 公司 法人 法定 负责 董事 总经理 称 爆料 发现 反映 讨 举报 投诉 表示 证实", 14),
    END,
).compile()
#: The clause before is about them: 甲公司出纳挪用公款,被警方抓获.
_STAFF_FIRST: Final = then(
    any_of(BEGIN, SELF), 4, _PERSONS, 16, Pattern(f"[{CLAUSE_END}]"), maybe("已 现"), "被", END
).compile()
#: The enterprise is the victim: 遭遇诈骗, 被骗.
_VICTIM: Final = then(
    any_of("遭 遭遇 遭到 遭受", then("被", unless_next("告 指")), "防 反 识破 免受 受骗 疑遭 免遭"), 10, END
).compile()
#: It was the victim earlier: what the police do next they do for it.
_CHEATED: Final = then(
    "遭 遭遇 遭到 被", without("指 控 曝 疑 诉 告 查 定 举 因 以 涉 立", 8), "诈骗 骗 盗 窃 抢 侵占 敲诈 勒索 黑客 攻击"
).compile()
#: Others wronged the enterprise: 盗窃甲公司铜料的团伙.
_WRONGED: Final = then("盗窃 偷盗 窃取 诈骗 骗取 敲诈 勒索 抢劫 侵害 侵占", maybe("了"), SELF).compile()
#: Another's disaster only touched it: 遭邻厂大火波及.
_TOUCHED: Final = then(BEGIN, "波及 殃及 影响").compile()
#: It befell somebody away from work.
_OFF_DUTY: Final = any_of("下班途中 上班途中 下班后 休假期间 突发疾病").compile()
#: Where it was has been left for somewhere else.
_MOVED: Final = any_of(
    then(unless_last("人员 老板"), "搬迁 搬入 搬至 搬到 迁入 迁至 乔迁", 8, "新 园区"),
    then("旧 老", "厂区 厂房 厂址 址 楼 办公"),
).compile()
#: It is the creditor: 持有的商票遭拒付, 踩雷 ...
_LENT: Final = then(
    any_of(then("持有 收到 收取 购买 买入 认购 投资 受让", "的"), "所持 踩雷 误踩 踩中"), 8, END
).compile()
#: Why somebody could not be reached for a while.
_HARMLESS: Final = then(BEGIN, 4, "系 是 因", 6, "手机 出差 住院 信号 误会 休假 开会 没电").compile()
#: A debt of one who does not control the enterprise: 监事因个人借贷被限制高消费.
_OWN_DEBT: Final = then("监事 独立董事 独董 董秘 副总 股东 员工", 10, "个人 私人", 14, END).compile()
#: Not the one who controls the enterprise.
_MINOR_HOLDER: Final = then(
    any_of("二股东 三股东 第二大股东 第三大股东 其他股东 小股东 个别股东 一名股东 股东之一 自然人股东 持股5%以上股东"),
    10,
    "股权 股份 股票",
    4,
    END,
).compile()
#: Others do it in the enterprise's name.
_FIRM: Final = any_of(SELF, "本公司 我司 我公司 该公司")
_IMPERSONATED: Final = any_of(
    then("冒充 假冒 冒用 仿冒 盗用 伪造 谎称 假借 打着 自称", 4, any_of(_FIRM, "公司名义")),
    then("以 用 借", _FIRM, maybe("的"), "名义 名头 旗号"),
).compile()
#: A maker of counterfeits: 假冒甲公司品牌的作坊被查封.
_IN_ITS_NAME: Final = then("冒充 假冒 冒用 仿冒 盗用", SELF, 8, "的").compile()
#: It works with the police, 与公安联合捣毁 ..., who act against others.
_WITH_POLICE: Final = then("与 联合 会同 协助 配合", END).compile()
_POLICE: Final = any_of("警方 公安 经侦 派出所").compile()
#: A procedure that ends because the debt was paid is no 终本.
_SETTLED: Final = any_of("履行完毕 执行完毕 已履行 全部履行 和解 付清 还清 缴清 结清 清偿完毕").compile()
#: 向破产管理人申报债权: another's administrator.
_TO_ANOTHERS: Final = then("向 与 和 同 从", 16, END).compile()
_FOR: Final = then("为 给 助 助力", END).compile()
_SERVED: Final = then(BEGIN, "管理人", 2, "提供 开立 办理 推荐 定制 研发 打造 赋能").compile()

# Denials after a fact.

#: So a rumour is called.
_UNTRUE: Final = """
    辟谣 谣言 不实 不属实 失实 子虚乌有 假消息 虚假信息 虚假消息 纯属 无中生有 严正声明 均不存在 不存在上述 不存在任何
    不存在该 不存在此 不存在这 不存在相关 并非事实 并无此事 没有此事 无此事 没有的事 与事实不符 与我司无关
    与本公司无关 与公司无关 与该公司无关 与其无关 造谣 并非同一 不是同一 并非一家 不是一家 瞎扯 瞎说 胡说 胡扯 瞎传
    乱传 别信 不攻自破 查无此事 核查无问题 未发现问题 未发现异常 善意取得 不受影响 未受影响 没有影响 不在其列 不在其中
    不在列 未受波及 未被波及 非同一家 同名 重名 误传 误会 误伤 乌龙 误报 误登 错登 登记有误 录入错误 系统错误 系统故障
    数据错误 纠错 误操作 操作失误 误冻 误封 摆拍 否认 个人行为 从未发生 老赖是他人 消息有误 false denied denies rumour
    rumor
"""
#: Later clauses that deny all that was said before.
_DENIED_ALL: Final = any_of(
    Pattern(trie(_UNTRUE.split())),
    then(
        any_of("没有", then("无", unless_next("法"))),
        maybe("任何 丝毫 直接 实质"),
        maybe("股权 投资 隶属 从属 关联 业务 控股 法律"),
        maybe("和隶属 或隶属 或业务 和业务 关系或"),
        "关系 关联 联系 瓜葛 牵连 往来",
    ),
    then("无关", any_of(END, if_next("， 。 ；"))),
    # The one meant was another of a similar name.
    then("而非 并非 不是", SELF, unless_next("的")),
    then("系", unless_last("关系 联系 维系 体系"), "邻近 第三方 同名 其他 其它 他人 另一 别的 别家 外地"),
).compile()
#: But not after these.
_NOT_DENIED: Final = any_of(
    "但 不过 然而 承认 证实 坦言 此前 曾",
    then(unless_last("不"), "属实"),
    "裁定 确认 无法否认 不否认 未否认 没有否认 未予否认",
).compile()
_CLAUSE_ENDS: Final = re.compile(f"[{CLAUSE_END}]")


def taken_back(kind: str, text: str, clause: tuple[int, int], start: int, end: int) -> bool:
    """Tell whether a fact is denied, over, a drill, a mere possibility or not the firm's.

    Parameters
    ----------
    kind
        Of the fact.
    text
        The whole normalised text, with the enterprise's names masked.
    clause
        Where the fact's clause begins and ends.
    start, end
        Where the fact begins and ends.
    """
    before, found, after = text[clause[0] : start], text[start:end], text[end : clause[1]]
    if _AGAIN.search(text, clause[1], clause[1] + _SOON):
        return False
    return (
        _denied(text[clause[0] : clause[1]], start - clause[0])
        or bool(_WITHIN.search(found) or (_UNREVOKED if kind == "revocation" else _WITHDRAWN).search(found))
        or bool(text.endswith(":", 0, clause[0]) and _SAYS_NO.search(text[: clause[0]]) and _NO.search(before))
        or _over(before, after)
        or (_ended(kind, after) and not _objected(before, after))
        or _only_spoken_of(before, found, after)
        or bool(
            "年前" in text[: clause[0]]
            and _AGES_AGO.search(text[: clause[0]])
            and not _STILL.search(text[slice(*clause)])
        )
        or bool(_WOULD.match(before + found) and _IF.search(text, 0, clause[0]))
        or _hearsay(text, clause, end)
        or _leads_up(text, clause)
        or _titled(text, clause, start, end)
        or _not_the_firms(kind, text[: clause[0]], before, found, after)
        or _denied_later(text[end:])
        or bool(_ANNULLED.search(text, end))
        or any(_ended(kind, later) for later in _CLAUSE_ENDS.split(text[clause[1] :]))
    )


def _leads_up(text: str, clause: tuple[int, int]) -> bool:
    """Tell whether a clause without the name is a case from which the enterprise learns, or a question it answers."""
    if MASK in text[slice(*clause)]:
        return False
    answers = _ANSWERS.match(text, clause[1]) and _QUESTION.search(text, *clause)
    return bool(answers or _LESSON.match(text, clause[1]))


def denied(text: str, start: int) -> bool:
    """Tell whether words right before ``start`` deny what stands there."""
    since = max(start - 12, 0)
    return _denied(text[since : start + 4], start - since)


def _denied(clause: str, start: int) -> bool:
    if not _DENIAL_HINT.search(clause[: start + 4].lower()):
        return False
    for match in _DENIAL.finditer(clause):
        if match.start() >= start:
            return False
        rest = clause[match.end() : start]
        if _BREAKS.search(rest):
            continue
        if match["never"]:
            return True
        if (
            not _IS_NOT.match(match.group())
            and _NOT_YET.search(clause[: match.start()])
            and not _GRANTED.match(clause[start:])
        ):
            continue
        if match["firm"] is None and (len(rest.replace(MASK, "")) > _LOOSE_REACH or _VERB.search(rest)):
            continue
        return True
    return False


def _over(before: str, after: str) -> bool:
    match = _OVER.match(after)
    if match is None or _objected(before, after):
        return False
    return match.group(1).startswith(("被", "遭", "未", "不")) or not _NOT_YET.search(after[: match.start(1)])


def _objected(before: str, after: str) -> bool:
    """Tell whether it is the enterprise's objection that was dismissed."""
    return "驳回" in after and bool(_OBJECTS.search(before))


def _ended(kind: str, clause: str) -> bool:
    match = _ENDED[kind].search(clause)
    if match is None or match.lastindex is None or _PARTLY.search(clause):
        return False
    before = clause[: match.start(match.lastindex)]
    return not _NOT_YET.search(before) and not _objected(before, match.group(match.lastindex))


def _only_spoken_of(before: str, found: str, after: str) -> bool:
    """Tell whether the clause speaks of such facts, asks for one or remembers one."""
    whole = before + found + after
    return (
        bool(_ABOUT.search(whole) and not _BUT_IS.search(before))
        or bool(_ASKED.match(after) or _DANGER.match(after) or _INQUIRY.match(after))
        or bool(_TRICK.match(after) or _PRODUCT.match(after) or (MASK not in whole and _RULE.match(after)))
        or bool(MASK not in whole and _AT_LARGE.search(before) and _WHETHER.match(after))
        or bool(_LONG_AGO.search(before) and not _STILL.search(whole))
    )


def _hearsay(text: str, clause: tuple[int, int], end: int) -> bool:
    """Tell whether the fact is a rumour that nobody owns to, or one that all that follows belies."""
    if _RUMOUR.match(text[end : clause[1]]):
        return not _OWNED.search(text, end)
    told = _HEARSAY.search(text[clause[0] : clause[1] + 1])
    return bool(told and _AS_EVER.search(text, clause[1]) and not _OWNED.search(text, end))


def _titled(text: str, clause: tuple[int, int], start: int, end: int) -> bool:
    """Tell whether the fact only stands in the title of a product, a play or a team."""
    opened = max(text.rfind(quote, clause[0], start) for quote in _QUOTES)
    if opened < 0:
        return False
    quote = _QUOTES[text[opened]]
    # A colon parts clauses, but not titles.
    ends = _CLAUSE_ENDS.search(text, clause[1])
    until = ends.start() if ends else len(text)
    closed = text.find(quote, end, until)
    if closed < 0 or quote in text[opened:start]:
        return False
    return bool(_WORK_BEFORE.search(text[clause[0] : opened]) or _WORK_AFTER.match(text[closed + 1 : until]))


def _not_the_firms(kind: str, earlier: str, before: str, found: str, after: str) -> bool:
    """Tell whether a fact of that kind is a person's own, another's, or befell the enterprise from outside."""
    if _IN_ITS_NAME.search(before) or (_UNDER_END.match(after) and MASK not in before and _UNDER.search(before)):
        return True
    if (_BY_MEANS.search(before) and _GAINS.match(after)) or _OWN_DEBT.search(before):
        return True
    if kind == "criminal":
        return _others_crime(earlier, before, found, after)
    if (kind == "terminated" or "终结" in found) and _SETTLED.search(earlier + before):
        return True
    if kind == "freeze":
        return bool(_MINOR_HOLDER.search(before) or (_POLICE.search(before) and _CHEATED.search(earlier)))
    if kind == "accident":
        return bool(_TOUCHED.match(after) or _OFF_DUTY.search(before + found))
    if kind == "default":
        return "应收" in before or bool(_LENT.search(before))
    if kind == "owner-missing" and (
        _MOVED.search(earlier + before) or _STAFF_MISSING.search(before) or _HARMLESS.match(after)
    ):
        return True
    if kind == "bankruptcy" and found.endswith("重整") and after.startswith("成功"):
        return True
    return kind == "bankruptcy" and after.startswith("管理人") and _of_another(before, after)


def _others_crime(earlier: str, before: str, found: str, after: str) -> bool:
    """Tell whether the crime is one against the enterprise, a member of staff's, or a private one."""
    whole = before + found + after
    return bool(
        (_WITH_POLICE.search(before) and _POLICE.match(found))
        or _PRIVATE.search(whole)
        or _STAFF.search(before)
        or (not before and found.startswith("被") and _STAFF_FIRST.search(earlier + found[:1]))
        or ("诈骗" in found and "涉嫌" not in found and _VICTIM.search(before))
        or _WRONGED.search(whole)
        or _CHEATED.search(earlier)
        or _IMPERSONATED.search(earlier + whole)
    )


def _of_another(before: str, after: str) -> bool:
    """Tell whether the administrator that stands between is another's."""
    towards = _TO_ANOTHERS.search(before)
    return bool(towards and MASK not in before[towards.start() :]) or bool(_FOR.search(before) and _SERVED.match(after))


def _denied_later(rest: str) -> bool:
    """Tell whether what follows denies a rumour."""
    match = _DENIED_ALL.search(rest)
    return match is not None and not _NOT_DENIED.search(rest[: match.end()])
