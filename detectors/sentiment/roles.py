"""How a text tells one party from another, and what one does to another.

The tables of words by which :mod:`detectors.sentiment.parties` decides.
"""

from __future__ import annotations

import re
from typing import Final

from detectors.sentiment.words import (
    BEGIN,
    DIGIT,
    END,
    HAN,
    Pattern,
    any_of,
    if_last,
    if_next,
    maybe,
    telling,
    then,
    times,
    unless_last,
    unless_next,
    without,
)

# Who another party is.

_TRADE: Final = (
    "科技 技术 电子 机械 精密 制造 材料 新材 生物 制药 药业 医疗 物流 建设 建筑 建工 建材 工程 纺织 食品 商贸 贸易 "
    "软件 电池 化工 置业 地产 钢铁 电缆 光电 塑业 环保 能源 商务 实业 投资 控股 服饰 服装 家具 家居 印刷 包装 汽车 "
    "汽配 重工 装备 设备 农业 牧业 酒业 餐饮 酒店 旅游 文化 传媒 教育 网络 信息 通信 智能 电器 电气 矿业 煤业 煤矿 "
    "冶金 金属 五金 模具 玩具 纸业 玻璃 陶瓷 水泥 装饰 园林 物业 租赁 担保 小贷 金融 信托 保险 证券 基金 咨询 航运 "
    "运输 快递 供应链 造船 光伏 橡胶 印染 化纤 粮油 饲料 劳务 钢材 供应 零部件 家电 电商 平台 房地产"
)
#: The name of a group without a trade or a legal form.
_GROUP: Final = then("集团", unless_next("内 化 层面"))
_NUMBER: Final = then("0 1 2 3 4 5 6 7 8 9 一 二 三 四 五 六 七 八 九 十 百", maybe("余"))
#: Before a noun they tell of others, 多家企业, or of a neighbour, 隔壁工厂.
_SOME: Final = any_of(
    then(any_of("另一 另外一 多 数 两 几 部分 个别 不少 众多", _NUMBER), "家"),
    "其他 其它 别的 外地 当地 同城 一批 周边 附近 相邻 隔壁 部分 个别 不少 众多",
)
_SOME_WHAT: Final = any_of(
    then(unless_last("子 分"), "公司"),
    "企业 工厂 作坊 窝点 居民楼 民房",
    then(unless_last("本"), "厂"),
    "商户 平台 房企 药企 车企 钢企 供应商 客户 单位 同行 煤矿 矿山 门店 商家",
)
_CERTAIN: Final = (
    "公司 企业 工厂 厂 商 客户 房企 药企 车企 债券 产品 股票 信托 集团 男子 女子 人 单位 平台 银行 项目 同行 "
    "工地 方 超市 地"
)
#: Words for a party that is not the one reported on.
_PARTIES: Final = any_of(
    """
        供应商 经销商 代理商 加盟商 大客户 客户 同行 竞争对手 对手 友商 合作方 合作商 合作单位 合作伙伴 交易对方
        交易对手 债务人 欠款人 欠款方 债务方 借款人 反担保人 参股公司 参股企业 原子公司 前子公司 联营企业 联营公司
        借款企业 贷款企业 欠款企业 担保企业 承租人 承租方 承租户 租户 租客 承包商 承包方 分包商 分包方 总包方 总包单位
        施工方 发包方 业主方 开发商 房企 邻厂 邻居 第三方 对方 不法分子 犯罪嫌疑人 嫌疑人 嫌犯 诈骗分子 骗子 团伙
        冒名者 冒充者 合资方 合伙方 供货方 代工方 品牌方 受托方 投标人 投标单位 竞买人 应聘者 任一方 任何一方 违约方
        中标人 造谣者 造假者 仿冒者 小偷 窃贼 劫匪 盗贼 黑客 纵火者 肇事者 被告方
    """,
    then("被告", unless_next("知")),
    then("他人", unless_next("为自己 为本 为公司 为其")),
    then("业主", if_next("被 因 成 已 遭")),
    then(
        unless_last("目 此 之 先 年 月 日 天 提 当 以 午 节"),
        "前 原",
        "物业 承包人 东家 运营方 管理方 承租方 施工方",
    ),
    then(
        unless_last("目 此 之 先 年 月 日 天 提 当 以 午 节"),
        "前 原 离职 离任 卸任 退休 辞职",
        "高管 员工 职工 副总 经理 总监 会计 出纳 财务 销售 业务员 监事 厂长",
    ),
    "被诉方 买方 卖方 买家 卖家",
    then("下游 上游", unless_next("业务")),
    """
        面料商 木材商 钢贸商 材料商 材商 设备商 建材商 原料商 批发商 分销商 贸易商 渠道商 房产商 地产商 运输商 物流商
        广告商 配件商 投资商 代加工厂 代工厂 外协厂 配套厂 加盟店 房东 包工头 工程队 施工队 劳务队 劳务班组 班组长
        中小企业 网贷平台 被投企业 被投资企业 被担保人 被担保方 标的公司 收购标的 目标公司 原股东 前股东 小股东 商户
        摊贩 企业主 同业 承运商 承运人 采购商 采购方 邻县 邻市 外省 同名 隔壁 所在园区 所在地 所在市场 所在大厦 所在楼
        后者 交易所 园区内企业 违法企业 业主单位 甲方 乙方 中介 前任 前东家 竞品
    """,
)
#: A whole trade or place, when what follows is told of it at large.
_AT_LARGE: Final = then(
    "行业 板块 全国 全省 全市 我省 我市 本市 辖区 园区 全县",
    maybe("内"),
    if_next(10, "企业 公司 潮 多起 频发 整体 新增 案件"),
)
#: Another party, named or not; of a name only its end.
_OTHER: Final = any_of(
    "股份公司 有限责任公司 有限公司 合作社 事务所",
    then(_TRADE, telling("股份 集团 公司 厂 企业")),
    "经营部 门市部 批发部 加工部",
    then(unless_last("农"), "商行"),
    # A neighbour or a debtor that is told of first: 同园区一染厂, 电梯厂欠货款, 男子骗贷.
    then("同园区 同区 同行业 邻近", maybe("的 一 一家 某"), times(HAN, 1, 4), "厂 企业 公司"),
    then(
        BEGIN,
        unless_next("本 该 我 工 老 新 两 三 多"),
        times(HAN, 1, 4),
        "厂 房 店 馆 商",
        if_next(any_of(then("欠 拖欠", unless_next("税 薪")), "老板跑路 老板失联 赖账")),
    ),
    then(BEGIN, maybe("一 一名 某 多名 三名 两名"), "男子 女子 夫妻"),
    # Of several with whom the enterprise quarrels: 其中5家已成老赖.
    then("其中", any_of(times(DIGIT, 1, 3), _NUMBER), "家 户"),
    then(BEGIN, unless_next("法院 警方 公安 税务 银行 裁定 本 该 因"), times(HAN, 2, 6), _GROUP),
    then(if_last("客 同 被 对 与 向"), maybe("户 业"), times(HAN, 2, 4), _GROUP),
    then(Pattern("[甲乙丙丁戊A-Z]"), "公司 企业 厂 集团"),
    then(_SOME, 8, _SOME_WHAT),
    then("某", without("被 遭 涉 因", 10), _CERTAIN),
    then("某", "甲 乙 丙 丁 某 老板 老赖 企业主"),
    then("所办 所开 任职的 兼职的 参股的 持股的", maybe("一家 其他"), "企业 公司 工厂 厂"),
    then("另一 另外一 另", maybe("家"), maybe("关联"), "企业 公司 工厂"),
    _PARTIES,
    _AT_LARGE,
)
OTHER: Final = _OTHER.compile()
#: Right before a name they only tell what that party is: 被告甲公司, 供应商甲公司.
APPOSITION: Final = _PARTIES.compile()
#: The suspects are the enterprise's own: 法定代表人王某等6名犯罪嫌疑人.
OWN_SUSPECTS: Final = then(
    "法定代表人 法人代表 法人 老板 实际控制人 实控人 董事长 总经理 负责人 股东 高管 主管 财务",
    without("被 对 举报 遭", 10),
    "嫌疑人 犯罪嫌疑人 嫌犯",
    END,
).compile()
OTHER_HINT: Final = _OTHER.hint()
#: Parties named together share what befalls them: 甲公司等七家公司, 甲公司、乙公司, 甲公司和乙公司均 ...
TOGETHER: Final = then(BEGIN, "、 及 以及 等 暨 连同", without("被 的 诉 与 和 对 向", 12), END).compile()
BOTH: Final = then(BEGIN, "和 与", without("被 的 诉 对 向", 12), END).compile()
SHARE: Final = then(BEGIN, "均 双双 同时 一并 一同 都 也").compile()
#: Whom another party is when what follows is what creditors, workers and accusers do.
CLAIMS: Final = then(
    BEGIN,
    without("被 遭 员工 工人 职工", 8),
    """
        上门 堵 讨债 讨要 追讨 催讨 催收 起诉 申请 向法院 向其 向公司 集体 维权 围堵 要求 报案 举报 爆料 断供
        停止供货 提起 提出 诉至 索赔 索要 追债 曝光 投诉 聚集 拉横幅 抽贷 断贷 宣布贷款 宣布提前
    """,
).compile()
#: 被 and 由 before a party make it one that does something; the words beside them are others.
_BY: Final = any_of(
    then("被", unless_next("告 执行 申请人 担保 投")),
    "遭 遭到 由",
    then(unless_last("回 响 供"), "应", unless_next("链 急 付 收 对")),
    "根据 依据 接 接到 据",
    then("经", unless_next("销 营 济 理")),
)
#: So does 在, before a party; before an act it only tells where: 在拍卖平台拍得.
_BY_PARTY: Final = any_of(_BY, then(unless_last("所 正 仍 现"), "在"))


def _done_by(by: Pattern, most: int) -> re.Pattern[str]:
    """Return a pattern of a text that ends with 被 and up to so many characters of the name of who does it."""
    return then(by, without("被 遭", most), END).compile()


PASSIVE: Final = _done_by(_BY, 6)
AGENT: Final = _done_by(_BY_PARTY, 20)

# What the enterprise does to others, or for them.

#: What a creditor gets of, or finds out about, its debtor.
_ON_DEBTOR: Final = any_of(
    then("获得 分得", if_next(12, "破产 清算 重整", 6, "分配 清偿")),
    then(
        "收回 收到 领到 拿到 要回 拿回 发现 提供 查到 查明 找到 举报",
        any_of(
            if_next(6, "被执行人 失信被执行人 老赖 债务人", unless_next("名单 通知 信息 决定 公告")),
            if_next(12, "破产 清算 重整", 6, "分配 清偿款 案款"),
        ),
    ),
)
_TOWARDS_OTHERS: Final = any_of(
    "起诉 状告 控告",
    then("诉", unless_next("讼 求 至")),
    """
        举报 投诉 追讨 追索 追偿 讨回 追回 索赔 胜诉 协助 帮助 助力
    """,
    then("助", unless_next("理 推")),
    """
        帮扶 援助 支援 驰援 救援 捐 慰问 资助 纾困 接手 接管 接盘 托管 收购 并购 竞得 拍得 竞买 竞拍 摘得 受让 拍下
        买下 购买 承接 承租 租用 盘活 中标 承建 代理 受托 受聘 参加 参展 出席 旁听 观摩 报名参加 报名参与 申报债权
        申报破产债权 代偿 代为 代付 垫付 先行支付 揭发 抵制 警惕 谴责 报道 点评 评论 解读 防范 打击 预防 拒绝 杜绝
        远离 抢救 扑救 扑灭 解救 抓获 破获 识破 取代 顶替 收治 安置 吸纳 招聘 聘用 录用 冒用
    """,
    then(
        unless_last("因"),
        "为",
        unless_next("何 什么 啥 此"),
        if_next(12, "员工 工人 职工 客户 农民工 居民 群众 学校 家庭 受损 受灾"),
    ),
    # It serves those who had it: 为火灾事故出具鉴定意见.
    then(
        unless_last("因 成 列 作 沦 定 认 转 变"),
        "为",
        if_next(16, "出具 提供 护航 理赔 赔付", unless_next("担保 保证 虚假")),
    ),
    "见义勇为",
    then(unless_last("销售 生产 制售 涉嫌 售卖 贩卖 经营"), "假冒"),
    then(unless_last("不 未 拒绝"), "配合", "警方 公安 法院 税务 执法"),
    then("帮", if_next(8, "讨 追")),
    then("对", if_next(16, "提起 申请", unless_next(then(16, "异议")))),
    then("申请", maybe("强制 恢复"), "执行的"),
    then("请求", maybe("法院"), "冻结 查封 执行 将 对 判"),
    then("申请", maybe("法院 人民法院"), "对 将 冻结 查封 保全 财产保全 诉前保全"),
    then("受", if_next(10, "委托")),
    then("找到 寻找 找回 寻回 联系上", if_next("失联 失踪 走失")),
    "识别 辨别 甄别 抓住 逮住 抓到",
    then("接收 接纳", if_next(16, "学员 会员 员工 职工 订单 客户 患者 学生 奶源")),
    then("曾任 任职于 供职于", if_next(16, "企业 公司 厂")),
    _ON_DEBTOR,
    then("办理", if_next(8, "案")),
)
#: It takes part in the affairs of others in such a role.
_TAKES_ROLE: Final = then(
    any_of(
        "担任 获任 成为 作为 入选 中选 当选 聘为",
        then(maybe(any_of("被 获 经"), 8), "指定为 选定为 选任为 任命为 聘任为 确定为"),
    ),
    if_next(20, "管理人 投资人 投资方 投资者 顾问 代表 守法 债权人 接盘 重整方"),
)
_TAKES_PART: Final = then(
    "参与",
    if_next(
        24,
        """
            拍卖 竞拍 重整 投资 处置 救援 抢险 调解 化解 听证 演练 招募 扑救 灭火 搜救 破获 编制 起草 制定 清算组
        """,
    ),
)
#: It makes or holds something about such facts: a system, a lecture, a drill.
_MAKES: Final = then(
    """
        推出 设立 开通 启用 发布 上线 升级 开发 研发 研制 发明 开设 举办 承办 主办 组织 开展 召开 印发 出台 建立 建设
        搭建 打造 参与 推广 获得 提供 制定 出版
    """,
    if_next(
        24,
        """
            周转金 基金 保证金 专户 系统 平台 软件 服务 产品 机制 制度 课 讲座 培训 演练 指南 手册 白皮书 论坛 沙龙
            研讨 宣传 活动 专题 报告会 会议 预案 保险 保函 专利 检查 排查 自查 研究 图书 丛书 设备 仪 传感器 试剂 引擎
            算法 接口 一站式 代办 热线 专线 渠道 通道 窗口 专窗 信箱 邮箱 公众号 新品 小程序 App 应用 功能 装置 模型
            数据库 指数 解决方案 教材 标准
        """,
    ),
)
#: It deals in what such facts leave behind.
_SERVES: Final = then("推出 上线 开通 代理 代办", if_next(24, "业务 查询 扫描 报告", any_of(END, "、")))
#: What its product does: 支持限高、终本全维度监控.
_SHOWS: Final = then("支持 覆盖 实现 聚合 收录", if_next(24, "查询 检索 监控 监测 预警 核验 比对 识别"))
#: It is paid for work that such facts make necessary: 完成爆炸事故现场测绘任务.
_WORKS: Final = then(
    "完成 承担 承接 承揽 负责 接到 执行 实施 提供",
    if_next(24, "测绘 勘测 勘察 修复 救援 监测 检测 清运 处置 抢修 鉴定 评估 审计 理赔 清淤 消杀 公估 任务"),
)
#: Between a party and a fact: the party acts upon, helps, buys or speaks of somebody else's.
ACTS: Final = any_of(_TOWARDS_OTHERS, _TAKES_ROLE, _TAKES_PART, _MAKES, _SERVES, _SHOWS, _WORKS).compile()
#: After such an act these turn back to the one who acted.
TURNS: Final = any_of(
    then("后", unless_next("的")),
    # What happens where it builds is its own.
    then("承建 承接 承包 承揽", 12, "工地 工程 项目 标段 现场 大桥 隧道", unless_next("的 业主 甲方 开发商 发包")),
    """
        业务因 却 反而 时被 期间 过程中 因此 自身 本身 自己 本公司 败诉 未果 失败 不成 反遭 反被 拒绝后
    """,
).compile()
#: The enterprise tells on another, or sues one for a crime: whom the police take next is that one.
REPORTS: Final = any_of(
    "打假 打击 反腐 反舞弊 内部调查 举报 报案 报警 控告 揭发 协助 识破 冒用",
    then(unless_last("不 未 拒绝"), "配合"),
    then("起诉 诉 状告 指控 控诉", 16, "侵占 挪用 骗 盗 窃 泄密 伪造 假冒 仿冒 受贿 商业秘密"),
).compile()
#: It is told on itself: 被多名客户举报.
REPORTED: Final = then("被 遭 遭到", without("被 遭 后 骗 盗", 14), END).compile()

# Owing, and being done to.

#: With, through or towards another party: 伙同他人, 向多家企业 ...
WITH: Final = then("伙同 勾结 串通 联合 合谋 通过 利用 指使 向 从 为 给", without("被 遭 的 诉", 14), END).compile()
#: ... somebody does this, and does it himself.
OWN_DOING: Final = any_of("虚开 骗 诈骗 侵占 行贿 走私 实施 从事 涉嫌 隐匿 偷 逃 洗钱").compile()
#: Owing another party, or a quarrel with it: what follows befalls the one who owes.
OWES: Final = then("拖欠 未付 未向 未支付 未偿还 未归还 未履行 欠付 欠 与 和 同 因 就 不服 对 为", 14, END).compile()
#: What was tried with another party came to nothing: 并购乙公司失败后.
IN_VAIN: Final = then(2, "失败 未果 不成 无果 受阻 败诉 遭拒 被拒 告吹").compile()
#: Another party is why: 因客户回款困难而停产.
CAUSE: Final = then("因 因为 由于 受", maybe("下游 上游 主要 大 多家 其"), END).compile()
CAUSED: Final = then(
    BEGIN, without("被 遭", 6), "回款 拖欠 断供 停供 撤资 退货 拒付 拖累 牵连 欠款 抽贷 断贷 毁约 砍单"
).compile()
#: This one surely owes: 乙公司拖欠甲公司货款被强制执行.
OWES_TO: Final = then("拖欠 未付 未支付 未偿还 未归还 欠付 欠", 14, END).compile()
OWED: Final = then(
    BEGIN,
    maybe("的"),
    6,
    """
        货款 工程款 借款 价款 款项 欠款 尾款 装修款 款 债务 债权 纠纷 合同 一案 案 诉讼 租金 房租 贷款 本息 本金 仲裁
        电费 运费 提供担保 担保 对簿公堂 打官司 官司 闹翻 交恶 互诉 反目 对赌 解约 分手
    """,
).compile()
#: A fact that begins with what is done: whoever is named in it or after it bears it.
DOES: Final = any_of(
    """
        扣划 划扣 划拨 扣押 吊销 撤销 收回 冻结 查封 司法 轮候 受理 裁定 宣告 启动 指定 责令 勒令 强制 限制 禁止 申请
        立案 侦破 破获 侦办 查办 打掉 捣毁 批捕 逮捕 批准 列 关停 取缔 依法 要求 下令 警方 公安 经侦 终结 执行 对 采取
        移送 提起 通缉 恢复 财产保全 诉前保全 决定 催缴
    """,
    then("法院", unless_next(then(4, "曝光 黑名单"))),
).compile()
DOES_REACH: Final = 24
#: Right after the fact: a party of that kind and not the enterprise, 停产企业, 失联客户.
ATTRIBUTE: Final = any_of(
    then(
        BEGIN,
        maybe("的 楼盘 ”"),
        any_of(
            """
            企业 公司 客户 厂商 房企 同行 单位 个人 案例 机构 供应商 经销商 项目 工厂 小厂
        """,
            then("厂", unless_next("房 区 长")),
            """
            农民工 工人 劳动者 群众 业主 受损 受灾 居民 人士 主体 商家 平台 地块 土地 煤矿 矿山 资产包
        """,
            then("老板", if_next("留 遗 的厂")),
            then(maybe("案件"), "申请人 申请执行人", unless_next("为 系 是 某")),
            "人员家属 嫌犯 嫌疑人 逃犯 罪犯 门店 超市 商场 4S店 药店 饭店 餐厅 酒店 学校 医院 影院 健身房 培训班 "
            "美容院 矿企 货主 货代 摊主 店主 房客 租客 会员 学员 储户 商户 家庭 球员 楼盘",
        ),
        unless_next("名单 名录 黑名单 公示 信息 公告 清单 库 范围 负责人 因 列表"),
    ),
    then(BEGIN, "业主 客户 租户 供应商 经销商"),
).compile()
#: It is said of the party that follows: 破产重整中的乙公司, 被吊销执照的是乙商行.
OF_NEXT: Final = then(BEGIN, 8, "的", without("被 由 向 对 与 消息 投诉 公告", 8), END).compile()
#: Before such a word it is said of the enterprise nevertheless: 成为失信企业.
IS: Final = then(
    any_of(
        "作为 身为 成 成为 沦为 系",
        then(unless_last("不"), "是"),
        "列为 列入 纳入 属 属于 认定为 公布为 定为 归为",
        then("被", 10, "列 纳 认定 公布 责令 标注 标记", maybe("为 入")),
    ),
    6,
    END,
).compile()
#: What is done to a debtor is done by another: 对被执行人恢复供水.
TOWARDS: Final = then(
    any_of(
        then(unless_last("不"), "对 向 给 与 同 替"),
        then(unless_last("列 成 定 沦 作 认 变 归 标 布 示 评 降 转 系 视 录 记"), "为"),
        "协助 帮助 拍卖 因 由于 鉴于",
    ),
    maybe("该 某 一名 各 有关"),
    END,
).compile()
#: Beside a measure, a debtor who is told of as somebody: 扣划被执行人存款.
DEBTOR_BESIDE: Final = then(
    unless_last("列为 成为 系 是 追加为 列入 作为 纳入 失信"),
    "失信被执行人 被执行人 债务人",
    unless_next("名单 信息 名录"),
).compile()
DEBTOR: Final = any_of(
    "被执行人 失信被执行人 失信人 失信人员 失信者 失信主体 失信企业 失信单位 限高人员 老赖"
).compile()
#: Police work; an enterprise that does it does it to others.
CRACKS: Final = any_of("破获 侦破 捣毁 打掉").compile()
#: What is done then is done to the one before, not told of whom or what follows: 被法院查封土地.
SUFFERING: Final = _done_by(_BY_PARTY, 6)
_DEALING: Final = then(BEGIN, without("被 遭 因", 8), any_of("向 与 非 给 跟 为", then("对", unless_next("外"))))
#: Dealing with somebody of whom more is said.
DEALS: Final = then(_DEALING, "被 遭 因 涉嫌", 8, END).compile()
DEALING: Final = then(_DEALING, 12, END).compile()
#: ... and what is done with that one: 向进入破产程序的 ... 催收.
DEALT_WITH: Final = any_of(
    then(
        BEGIN,
        without("被 遭", 8),
        "的",
        without("被 遭 消息 原因", 8),
        """
        催收 催讨 追讨 追索 索赔 追偿 供货 发货 采购 主张 发函 提供 收取 支付 捐 出租 借款 申报 解除 终止 解约
        和解 合作 签
    """,
    ),
    then(BEGIN, without("被 遭", 8), "家属 遇难者 死难者 受害者 伤者", 4, "捐 慰问 提供 致哀 吊唁"),
).compile()
#: A creditor's measures strike its debtor: 作为债权人,成功恢复执行.
AS_CREDITOR: Final = any_of(
    then(
        "作为 系 为",
        4,
        "债权人 申请执行人 申请人 原告 胜诉方 受害人 被害人 受害方 出租人 出租方 贷款人 抵押权人",
        END,
    ),
    _ON_DEBTOR,
).compile()
#: It enforces what is owed to it, unless it is what befalls it.
APPLICANT: Final = any_of(
    "胜诉",
    then(
        "申请",
        maybe("法院 人民法院"),
        maybe("诉前 财产"),
        maybe("强制 恢复"),
        any_of("保全", then("执行", unless_next("人 异议"))),
    ),
    "追回 讨回 催收 追偿 追讨 悬赏",
    then("起诉", unless_next("书 状")),
).compile()
#: What a court does, whether the text says so or not.
COURT: Final = any_of("法院 立案执行 执行立案").compile()
#: Others enforce it for the enterprise: 执行干警为甲公司追回货款.
FOR_IT: Final = then("为 帮 帮助 替 助 助力", END).compile()
GAINS: Final = then(BEGIN, maybe("成功"), "追回 讨回 挽回 追讨 拿回 要回 执行回 追偿").compile()
#: Right before its name: it is the creditor.
CREDITOR: Final = then("申请执行人 原告 债权人 出租人 贷款人 申请保全人", END).compile()
#: It applies for a measure against whom the text named before: 申请对其破产清算.
AGAINST_IT: Final = then("申请", 4, "对 将", "其 该 对方 此").compile()
#: The one named is among those of whom the clause before tells: 法院曝光一批老赖,甲公司在列.
LISTED: Final = any_of(
    then(unless_last("不 未"), "在列 在其列 名列其中 位列其中 在其中 榜上有名 入列 上榜 也在 被点名")
).compile()
#: What follows a colon then is said of firms at large.
LECTURES: Final = then(
    any_of(
        "约定 规定 载明 章程 准则 须知 招标文件 采购公告 提醒 培训 讲座 研讨会 论坛 公开课 直播 分享会 课堂 沙龙 科普 "
        "研报 预案 普法 解读 说法 释法 问答 讲解 支招 建议 开讲 呼吁 倡议",
        then(unless_last("风险"), "提示"),
    ),
    maybe("”"),
    END,
).compile()
#: Shares are their holder's, whatever the firm is of which they are.
HOLDS: Final = then(any_of(then("所持 持有", maybe("的"), maybe("对 其")), "对外投资的 控股的 旗下"), END).compile()
SHARES: Final = then(BEGIN, maybe("的"), 14, "股权 股份 股票 份额 投资权益 出资").compile()
NAMED: Final = any_of(
    "公司 合作社 某 多家 同行 供应商 客户",
    then("甲 乙 丙 丁", "厂"),
).compile()
BEFALLS: Final = then("被 遭", unless_next("告 执行 申请人")).compile()
#: The one that an act of the enterprise is aimed at; 其 in the next clause is that one.
AIMS: Final = then("抓 抓住 逮住 扭送 将 把 向 对 诉 告 讨 追偿 举报 替 给 帮", without("欠", 8), END).compile()
#: Nor goes it on with that one: 与甲公司终止合作,因该公司 ...
PARTS: Final = then("终止 解除 停止 暂停 取消 中止", 4, "合作 合同 协议 供货 交易 收购 往来 签约").compile()
#: Whom the enterprise sues or buys, the next clause calls 该公司.
SUES: Final = then("起诉 诉 状告 控告 举报 投诉 追讨 追偿 收购 并购 接手", without("欠", 8), END).compile()
THAT: Final = then(BEGIN, maybe("但 而 因 目前 现"), "该公司 该企业 该厂 该客户 该供应商 这家公司 此公司").compile()
ITS: Final = then(unless_last("及 与 和"), "其", unless_next("他 它 中 余 实 后 间 次")).compile()

#: Somebody applies for a measure.
APPLIES: Final = then("申请", unless_next("人 撤 解 暂 中 停 不"), 24, END).compile()
#: Right after the measure: somebody applied for it, and with success.
APPLICATION: Final = then(
    BEGIN, maybe("的"), "申请", maybe("已"), "获 被受理 被立案 得到 通过 成功 受理 立案 书 材料"
).compile()
APPLIES_FOR_ENFORCEMENT: Final = then("申请", maybe("人民法院 法院"), maybe("强制 恢复"), "执行").compile()
#: Whoever applies for these wants them for a debtor that it names, or for itself.
OF_INSOLVENCY: Final = any_of("破产 重整 预重整").compile()
CLAIMANTS: Final = any_of("债权人 申请人 对方 原告 银行 工人 员工").compile()
AGAINST: Final = then("对", maybe("债务人 被告"), 12, END).compile()
