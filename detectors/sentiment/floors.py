"""The facts that count as serious for their subject whatever a model may say, as Chinese reports put them.

Each kind is a list of phrases, each of which stays within a clause. Whether the fact is denied or over is for
:mod:`detectors.sentiment.guards` to say, and whose fact it is for :mod:`detectors.sentiment.parties`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from detectors.sentiment.words import (
    ENDS,
    SELF,
    Pattern,
    any_of,
    maybe,
    telling,
    then,
    unless_last,
    unless_next,
    without,
)


class Kind(NamedTuple):
    """One kind of serious fact.

    Parameters
    ----------
    name
        What it is.
    severity
        Of an item that reports it.
    cues
        Without one of these words nothing need be looked for.
    pattern
        The fact, in a normalised text.
    """

    name: str
    severity: float
    cues: frozenset[str]
    pattern: re.Pattern[str]


class Fact(NamedTuple):
    """A fact that a text mentions, from character ``start`` up to ``end``."""

    kind: Kind
    start: int
    end: int


def _kind(name: str, severity: float, phrases: Pattern) -> Kind:
    shortest = frozenset(cue for cue in phrases.cues if not any(other in cue for other in phrases.cues - {cue}))
    return Kind(name, severity, frozenset(map(str.lower, shortest)), phrases.compile())


# Who and what the phrases speak of.

#: Whose vanishing or crime is the firm's.
_ROLE: Final = (
    "老板 老板娘 老总 法人 法人代表 法定代表人 法代 董事长 董事局主席 主席 实控人 实际控制人 控制人 负责人 创始人 "
    "总经理 总裁 厂长 控股股东 大股东 掌门人 掌舵人 当家人 经营者 CEO"
)
_POLICE: Final = "警方 公安 公安机关 经侦 缉私 民警 刑警 检察院 检察机关 检方 监委 派出所"
_COURT: Final = "法院 执行局 执行法官"
_SUPERVISOR: Final = "央行 人民银行 证监会 银保监 监管总局 监管局 委 局 厅 部门 机关"
_NUMERAL: Final = "0 1 2 3 4 5 6 7 8 9 一 二 三 四 五 六 七 八 九 十 百 两 数 多 余"
#: Such a thing befalls somebody.
_SUFFERS: Final = "被 遭"

# Owing and paying.

_UNABLE: Final = "未能 无法 不能 未 无力 没有 没能 没 难以 拒不 丧失"
_UNPAID: Final = "不还 未还 未偿还 未归还 未兑付 未偿付 未支付 未付 未偿 未清偿 未能偿 未能付 未能支付 未能兑 未结清"
#: What may be in default; the short ones need what follows them.
_LOANS: Final = (
    "债券 公司债 企业债 美元债 私募债 可转债 票据 商票 汇票 中票 短融 本息 利息 本金 贷款 借款 债务 负债 理财 理财产品 "
    "信托 信托计划 融资租赁"
)
_DEBT: Final = (
    "债券 债务 公司债 企业债 美元债 私募债 可转债 债 票据 贷款 借款 中票 短融 融资券 信托 商票 本息 利息 本金 兑付 "
    "到期 融资租赁 理财产品 ABS"
)
#: 违约 is of contracts too; these make it a debtor's.
_OCCURS: Final = "实质 实质性 交叉 技术性 构成 发生 触发 已经 已 再度 再次 首次 出现"
_PAY: Final = "工资 薪水 薪资 薪酬 薪 劳动报酬 血汗钱 工钱"

# What happens.

_CRIME: Final = (
    "犯罪 诈骗 非法吸收 非法集资 非吸 集资 挪用 侵占 行贿 受贿 走私 传销 洗钱 骗贷 骗取 罪 非法经营 内幕交易 操纵 "
    "欺诈发行 造假 虚假出资 抽逃 贪污 偷逃 逃税 污染环境 黑社会 串通投标 串标 围标 假冒 生产销售 制假 售假 敲诈 "
    "勒索 拒执 假药 劣药 假酒 有毒有害 开设赌场 侵犯商业秘密 侵犯著作权 侵犯公民"
)
_DISASTER: Final = "爆炸 火灾 坍塌 大火 起火 着火 失火 燃爆 爆燃 闪爆 垮塌 透水 塌方 溃坝 矿难 中毒 泄漏 泄露 冒顶 踩踏"
_WORKPLACE: Final = (
    "车间 厂房 仓库 工厂 厂区 宿舍 生产线 生产基地 矿井 井下 工地 储罐 项目部 罐区 锅炉 反应釜 设备 管道"
)
_STOP: Final = (
    "停产 停业 关闭 停工 关停 封停 关门 停运 停建 取缔 停止生产 停止经营 停止营业 停止建设 停止一切 停止运营 立即停止 "
    "暂停生产 暂停营业 暂停经营"
)
_ORDERS: Final = "责令 勒令 强制 被令 要求 下令 依法 令其 命令 决定 下达 作出 被迫"
_LICENCE: Final = (
    "许可证 许可 资质 执照 牌照 经营资格 执业资格 从业资格 业务资格 生产资格 屠宰资格 销售资格 办学资格 准入资格 "
    "GMP证书 GSP证书 认证证书"
)
_HOLDINGS: Final = "账户 账号 基本户 一般户 专户 资金 股权 股份 资产 财产 存款 房产 土地 设备 厂房 车辆"
#: Before 破产 and 重整: what is done, however far ahead of it.
_FILES: Final = "申请 提交 提起 受理 裁定 宣告 启动 进入"
_REORGANISES: Final = "申请 受理 裁定 启动 提起 提出 提交 进入 指定 实施 被"

# The kinds.

_BANKRUPTCY: Final = any_of(
    then(
        maybe(_FILES, 24),
        "破产",
        unless_next(
            then("法", unless_next("院 庭")),
            "隔离 债权 重整投资 概率 风险 率 审判 律师 案例 潮 企业 重整企业 清算企业 和解企业 公司 管理人名",
            "管理人协会 和解成功",
        ),
    ),
    then(_REORGANISES, 28, any_of("预重整", then(unless_last("资产 产业 业务"), "重整", unless_next("投资")))),
    then("预重整", unless_next("投资")),
    then("重整", "案 计划 草案 程序 申请 期间 阶段"),
    then("重整投资", maybe("人 方 者"), "招募 遴选"),
    "执转破",
    then("招募", 4, "重整投资 意向投资"),
    "资不抵债",
    then("强制 司法", "清算", unless_next("组")),
    then(_COURT, 8, "指定", 6, "清算组"),
    "实质合并 合并重整 合并破产",
    # Only a firm in such a procedure has one of its own; the firm that is appointed has not.
    then(SELF, "管理人", unless_next("员 资格 登记 备案")),
    then(unless_last("作为 普通"), "债权人", "须 应 可 请 需", 20, "申报债权"),
    then("倒闭", unless_next("潮 企业 公司 风险")),
    then("清盘", "呈请 令 申请 聆讯"),
    then("被 颁令 勒令 申请 要求 寻求", "清盘"),
    # What only a procedure that is under way has.
    then("第", _NUMERAL, "次债权人会议"),
    then("债权申报", "截止 截至 期限 通知 公告 须知 指引"),
    "bankruptcy bankrupt insolvency insolvent winding-up",
)
_DISHONEST: Final = any_of(
    then(unless_last("违法"), "失信", unless_next("联合惩戒机制 企业修复 老人 率 于")),
    "老赖",
    then(_COURT, 12, "黑名单"),
    then(_COURT, 4, "曝光"),
    then("拒不履行", 12, "判决 裁定 调解 法律文书 法律义务 执行义务 还款义务 给付义务"),
    "dishonest_debtor",
)
_SERIOUS_VIOLATION: Final = any_of("违法失信", then("严重违法", 6, "名单"))
_CONSUMPTION_BAN: Final = any_of(
    then("限制 禁止", 24, "高消费"),
    then("高消费", 4, "限制 禁令"),
    "限制消费 消费限制 限消",
    then("限制", 10, "消费", "令 措施 人员"),
    then("限高", unless_next("层 建 度 架 桥 杆 区 速 价")),
    # What it forbids: flights and fast trains; and debtors may not leave the country.
    then("限制 禁止 不得 不准", 2, "乘坐 搭乘 乘 坐", 8, "飞机 航班 高铁 动车 列车 头等舱 商务舱"),
    then("限制 禁止 阻止 不准", 16, "出境", unless_next("游 旅游 货物 口岸")),
    "边控 consumption_ban",
)
_TERMINATED: Final = any_of(
    then("终结", 24, "本次执行"),
    "终结本次 终结执行",
    then("终本", unless_next("次")),
    then("无 没有 未发现 缺乏", 6, "可供执行"),
    then("无财产可", 2, "执行"),
)
_ENFORCEMENT: Final = any_of(
    then("申请", maybe("人民法院 法院"), maybe("强制 恢复"), "执行", unless_next("人")),
    then("强制执行", unless_next("力 公证")),
    then(unless_last("失信"), "被执行", unless_next("董事 死刑")),
    "执行标的 恢复执行 立案执行 执行立案 执行通知 执行裁定 执行案件 执行总金额 执行金额 强执 悬赏公告 悬赏执行 "
    "执行悬赏",
    then("新增 再增 再添 又添 增加", 6, "执行信息 执行记录"),
    then(_SUFFERS, "法院 法院依法", "执行"),
    then("被", 10, "列 纳", maybe("入 为"), "执行"),
    then("纳入 进入 移送", 4, "执行", maybe("程序"), unless_next("董")),
    # What the court does then.
    then(_COURT, 12, "强制", "扣押 清场 腾退 腾空 搬离 搬迁 迁出 扣划 划扣 拍卖 交付 开锁 进场"),
    "强制扣押 强制腾退 强制清场 强制扣划 强制划扣 强制拍卖",
    then(_COURT, 12, "扣划 划扣 划拨 划转 扣押 查扣 提取存款 拘传 搜查 腾房 腾退"),
    then(_COURT, 12, "拘留", unless_next("所")),
    then("恢复对", 24, "的执行"),
    then("执行干警", unless_next("为 帮 替 助")),
    "司法扣划 司法划扣 司法划拨 司法划转 司法拘留 拒不申报财产 拒绝申报财产",
    then("逃避 规避 抗拒", maybe("法院 判决 强制"), "执行"),
    then(_SUFFERS, 8, "司法拍卖 法拍 强拍 扣划 划扣"),
    then(_SUFFERS, _COURT, maybe("强制 直接 依法 全部"), "划走 扣走 转走 拉走 搬走 拍卖 变卖"),
    then(_COURT, 4, "悬赏", 12, "线索"),
    then(_SUFFERS, 8, "拍卖 变卖", 4, "抵债 偿债 还债"),
)
_FREEZE: Final = any_of(
    then(
        maybe("轮候 司法 财产"),
        unless_last("低温 速 真空"),
        any_of("查封", then("冻结", unless_next("库 法 施工 管 点 线 机 装置 能力 温度 设备 粉 包埋 切片"))),
        unless_next(
            then(maybe("员工 人员 全部 部分 新 社会 校园 所有 年度"), "招聘 涨薪 加薪 晋升 预算 出差 费用 开支 岗位"),
            "工资 薪 价格 编制 人事 工艺 技术 晶 取缔 期 食品 水产 海鲜 肉 干燥 保鲜 新增 产能 投资 招生",
        ),
    ),
    then(unless_last("通过 采取 运用"), "财产 诉前 诉讼", "保全", unless_next("申请 保险 责任 担保 保函 服务 业务")),
    "轮候查封",
    then("被", 6, "保全"),
    then(_HOLDINGS, 8, _SUFFERS, 8, telling("封 扣押 查扣 查控 锁定 控制 止付", then("冻", unless_next("结")))),
    then("贴", 8, "封条"),
    then("被冻 遭冻", unless_next("结 死 伤 坏 僵 雨 害 品 肉 货")),
    "assets_frozen accounts_frozen",
)
_REVOCATION: Final = any_of(
    then("吊销", unless_next("旧", then(8, "驾 司机"))),
    then("被 遭 予以 依法 强制", 20, "撤销 注销 取消 收回", 14, _LICENCE),
    then("撤销 收回", 24, _LICENCE),
    then(_SUFFERS, 10, "撤销", maybe("公司 企业 其 该公司"), maybe("设立 注册"), "登记"),
    then(_LICENCE, 6, _SUFFERS, 10, "撤销 注销 取消 收回 吊扣 暂扣"),
    then(_SUPERVISOR, 4, "注销 取消 撤回", 24, _LICENCE),
    "license_revoked licence_revoked",
)
_TAX: Final = any_of(
    "欠税",
    then("欠缴", 24, "税"),
    then(unless_last("拖"), "欠", 8, "增值税 所得税 税款 税费 土地使用税 房产税 消费税 印花税"),
    then("拖欠", 12, "税"),
    "偷税 偷漏税",
    then("偷逃", 8, "税"),
    "逃税",
    then("逃避", 8, "税"),
    "逃避追缴 漏税 骗税 抗税",
    then("骗取", 8, "退税 税款 留抵"),
    "虚开 暴力开票 虚抵进项 虚列成本 虚列支出 多列支出",
    # What 虚开 is, in other words.
    then("没有 无 未 虚构", maybe("发生 任何"), "真实 实际 货物", 8, "开具 开票 开出", maybe("了"), 8, maybe("发票")),
    then("虚假 不实 与实际 不符", 14, "开具", 8, "发票"),
    then("开具 开出 取得 接受", 4, "虚假 不实 假", maybe("的"), 4, "发票"),
    then("隐匿 隐瞒 少列 不列 少报 账外", 6, "收入 销售额"),
    "两套账 账外账 阴阳账",
    then("非正常", maybe("纳税"), "户"),
    then("转为 列为 认定为 划为 转入 列入", 2, "非正常", unless_next("户 纳税")),
    then("税收 税务 涉税", 4, "违法"),
    "走逃 税务黑名单",
    then(_SUFFERS, 8, "税务 稽查局", 8, "立案 查处"),
    then("未", 8, "缴纳 缴清 缴齐 缴足 补缴", 8, "税"),
    then("税款 税费 税金 值税 得税 费税 税", 16, "未缴 不缴 未交 未入库 未按期缴"),
    then("少缴 少报", 10, "税"),
    "滞纳税款",
    then("催缴", 6, "税"),
    then("追缴 查补 补征", 10, "税"),
    "tax_evasion tax_arrears",
)
_WAGES: Final = any_of(
    "欠薪 讨薪 断薪",
    then("停薪", unless_next("留职")),
    then("拖欠 积欠 欠付 欠发 克扣 扣发 停发 延发 缓发 延迟发放 推迟发放", 18, f"{_PAY} 报酬 农民工"),
    "拖欠员工 拖欠职工 拖欠工人",
    then("欠", unless_next("税 缴"), 12, "工资 工钱"),
    then("拖了 拖着 压了 压着 赖着 扣着 扣了", 12, _PAY),
    then(_PAY, 6, "只发 仅发", unless_next("给")),
    then(
        "仅 只",
        maybe("能"),
        "支付 发放 发 给",
        maybe("了"),
        "部分 一半 两成 三成 四成 五成 六成 七成",
        maybe("的"),
        _PAY,
    ),
    then(
        _PAY,
        14,
        "未发 没发 停发 拖欠 拖着 发不出 发不下来 无法发放 未支付 未能发放 未能支付 被欠 欠发 欠付 未到账 没有着落 "
        "无着落 没着落 没人发 迟迟 没影 没下文 打水漂 打白条 延发 缓发 延迟发放 推迟发放 一拖再拖 分文未",
    ),
    then(
        any_of(
            "无力 无法 无钱 没钱 未能 拒不 拒绝 发不出 发不起 不发 不给 付不出 开不出 领不到 拿不到",
            then("未 没 没有", 8, "发放 支付 发 给 付 足额 兑现 领 拿到 收到"),
        ),
        12,
        "工资 薪水 薪资 薪酬 劳动报酬 工钱 血汗钱",
    ),
    then("索要 讨要 追讨 催讨 讨回 要回", 8, _PAY),
    then("没 没有", maybe("给", 4), "发钱 发薪 开支 开工资 发过工资 开过工资"),
    "抵薪 抵工资 还我血汗钱 还我工资 还我薪水 拒不支付劳动报酬 unpaid_wages",
)
#: Who else goes missing: crews, aircraft, old people, customers of old lotteries.
_OTHERS_MISSING: Final = "人员 船 飞机 航班 老人 儿童 孩 游客 党员 卫星 预警 修复 补偿 渔 客"
_OWNER_MISSING: Final = any_of(
    then("跑路", unless_next("费")),
    then(
        unless_last("船 飞机 航班 卫星 0 1 2 3 4 5 6 7 8 9 0人 1人 2人 3人 4人 5人 6人 7人 8人 9人"),
        "失联",
        unless_next(_OTHERS_MISSING),
    ),
    "人去楼空 卷款 携款 潜逃 出逃 外逃 逃匿 逃往境外 逃往国外 逃往海外 逃到国外 逃到境外 不知所踪 失去联系",
    then(
        _ROLE,
        12,
        telling(
            "失踪 去向不明 去向成谜 下落不明 不知去向 无法联系 联系不上 联系不到 无法取得联系 玩消失 消失 蒸发 跑了 "
            "逃跑 溜了 不见了 不见人影 关机 停机 无法接通 打不通 无人接听 踪影 杳无音信 音讯全无 失去音讯 失去联络 "
            "出走 逃走 躲藏 藏匿 卷走 卷跑 玩失踪 拒接电话 不接电话 躲债 避债 滞留境外 滞留海外 出国未归"
        ),
    ),
    then("联系不上 联系不到 无法联系 无法与 未能与", 10, f"{_ROLE} 管理人员 高管 管理层"),
    then("一夜 一夜之间 连夜 突然 悄然 集体", 4, "关门 关闭 闭店 搬空 撤离"),
    then("厂房 厂区 车间 办公室 门店", 6, "空空如也 空空荡荡"),
    then("卷走 卷跑", 10, "预付款 货款 押金 会费 定金 学费 万 亿"),
    then("总部 办公室 公司电话 厂里电话", 6, "无人接听 无人应答 打不通 停机 空号 关机"),
    "owner_missing absconded",
)
_CRIMINAL: Final = any_of(
    "刑拘",
    then("刑事", unless_next("和解 附带 律师 法 辩护 审判庭 合规 科学 技术 风险")),
    "批捕 批准逮捕 逮捕 被捕 立案侦查 立案侦办",
    then(
        _SUFFERS,
        8,
        _POLICE,
        10,
        "立案 带走 调查 控制 抓 羁押 拘 侦 查处 查获 查办 传唤 起诉 查封 捣毁 打掉 端",
    ),
    then(_POLICE, 24, "立案 带走 传唤 查处 羁押 控制 抓获 抓捕 拘留 捣毁 打掉 端掉"),
    then("侦破 破获 侦办 查办 打掉 捣毁", 24, "案 窝点 团伙"),
    then("涉 卷入 牵涉", 4, _CRIME, 2, "案"),
    then("构成", 8, "罪"),
    "罪名成立 有期徒刑 无期徒刑 涉黑 涉恶 涉刑",
    then("涉嫌", 16, _CRIME),
    then("犯", 16, "罪"),
    then(_CRIME, 2, "案发"),
    then(_CRIME, 4, "被立案 被查 被起诉 被抓 被判"),
    then(
        _ROLE,
        10,
        telling(
            "被抓 被当场抓获 被依法抓获 抓获归案 到案 落网 拘留 被带走 被羁押 入狱 投案 自首 落马 被双规 接受纪律审查 "
            "接受监察调查 接受审查调查"
        ),
    ),
    then("高管 管理层 管理团队", 6, "被带走 被抓 被拘 被捕 被警方控制"),
    then("合同 集资 贷款 票据 金融 信用证", "诈骗"),
    "诈骗罪 诈骗得手 诈骗既遂",
    then("实施 从事", 6, "诈骗"),
    then("是 系 为 成", 6, "传销 诈骗 洗钱 赌博", "窝点 组织 团伙"),
    "非法集资 非法吸收公众存款 非法吸存 非法吸储 骗贷 骗取贷款 传销案 财务造假 欺诈发行 单位行贿",
    then("罪", 6, "获刑 被判 一审 二审 判处 被起诉 成立"),
    then("判处", 12, "有期徒刑 徒刑 罚金 无期"),
    "获刑 判刑 锒铛入狱",
    then("被判", 6, "年 罚金 刑 缓刑"),
    then("采取", 4, "强制措施"),
    then("移送", 6, "检察 公安 司法 审查起诉 起诉"),
    "提起公诉 被公诉",
    then("被 遭 采取", 12, "留置"),
    "监视居住 取保候审 通缉 网上追逃 criminal_investigation accounting_fraud ponzi",
)
_REPAYS: Final = any_of(
    "兑付 承兑 偿付 偿还 付息 清偿 还本 还款 还债 还贷 划付",
    then("归还", 8, "贷款 借款 本金 债"),
    then("支付", 14, "本息 利息 本金 到期"),
    then("兑现", 4, "商票 票据"),
)
_DEFAULT: Final = any_of(
    then(f"{_DEBT} {_OCCURS}", 14, "违约", unless_next("金 责任 成本 条款 率 风险 概率 赔偿 潮")),
    then("违约", 4, "债 本息 票据"),
    then(_UNABLE, 14, _REPAYS),
    then(_UNABLE, 6, "履行", 8, "债务 还款 偿债"),
    "无力支付 无力还贷 无力偿债 无力代偿",
    then(_LOANS, 10, "逾期 未兑付 未偿付 未付 未偿 拒付 停兑 无法兑"),
    then("逾期", 10, "未还 未偿还 未兑付 未付 债务 借款 贷款 票据 本息 本金 商票", unless_next("人 客户 户 用户")),
    then(f"{_LOANS} 欠款", 8, _UNABLE, maybe("按期 如期 按时"), "归还 还"),
    then("欠", 14, "未还 不还"),
    then("延期 推迟 暂缓", 4, "兑付 付息 偿付"),
    then("兑付", 2, "困难 危机 无门 逾期"),
    then("商票 汇票 票据 承兑 本息", 8, "没兑 未兑 不兑 没有兑"),
    "持续逾期 逾期承兑",
    then("信托 理财 私募 资管", maybe("产品 计划 项目"), maybe("集体 全部 再度 再次"), "延期"),
    # As a clearing house puts it.
    then("未", maybe("足额 按时 全额"), "收到", 6, maybe(SELF), 24, "兑付资金 付息资金 本息资金 偿付资金"),
    "资金断裂 现金流断裂",
    then("拖欠", 10, "贷款 本息 借款 债务 银行"),
    then("爆雷 暴雷", unless_next("潮")),
    then("资金链", 4, "断"),
    then("停止 暂停 中止 拒绝", 2, "支付", 14, "本息 利息 本金 债务"),
    then("停止 暂停 中止 停 拒绝", 6, "兑付 偿付 付息 还款 偿债"),
    # The day has come, and nothing with it.
    then(any_of("宽限期", then(f"{_LOANS} 本金", 14, "到期")), 8, _UNPAID),
    then("宣布", 8, "提前到期"),
    "欠息 defaulted_on default_on in_default",
)
_ACCIDENT: Final = any_of(
    then(
        f"{_DISASTER} 瓦斯 安全 生产 责任 伤亡 重大 特大 较大 亡人 粉尘 倒塌 坠落 窒息 死亡 机械伤害 工亡",
        without("无 零 未 没", 6),
        unless_last("交通"),
        "事故",
        unless_next("率 隐患 预防 防范 应急 演练 树 分析会"),
    ),
    then("发生 突发 引发 酿成 突然 出现", 14, telling(_DISASTER)),
    then(telling(_DISASTER), 10, "致 造成 已有 死 伤 遇难 人员 烧毁 吞噬"),
    then(_NUMERAL, "名 人", 8, telling("死亡 遇难 身亡 丧生 死 被埋")),
    then(
        "工人 员工 职工 矿工 民工 工友 安装工 电工 焊工 普工 技工 操作工 施工人员 作业人员",
        14,
        telling("身亡 坠亡 死亡 遇难 丧生 被埋 压死"),
    ),
    then("致", 8, telling("死 亡 身亡"), unless_next("率 亡率")),
    then(_NUMERAL, "死"),
    then(_WORKPLACE, without("附近 周边 旁 对面 隔壁", 6), telling(_DISASTER)),
    then(_SUFFERS, 4, "烧毁 焚毁 炸毁 夷为平地"),
    "砸死 绞死 压死 烧死 炸死 闷死 夹死 摔死 砸中身亡",
    then("造成 致 导致", 8, "伤亡"),
    then(unless_last("打捞 发现"), "沉没 翻沉 倾覆 触礁", unless_next("成本 船 的")),
    # 发生事故, 粉尘爆炸, 6人受伤: told in so many clauses.
    then("发生 酿成", 10, unless_last("交通"), "事故", unless_next("率 隐患 预防 防范 应急 演练 树 分析会")),
    then("爆炸 爆燃 闪爆 坍塌 垮塌 起火 着火 失火 大火 透水 塌方 矿难", ENDS),
    then(_NUMERAL, "名 人", 4, telling("受伤 重伤 烧伤 轻伤 送医 被困")),
    then("液氨 氨气 氯气 毒气 煤气 燃气 硫化氢 有毒气体", 6, "泄漏 泄露 中毒"),
    "fatal_explosion",
)
_SHUTDOWN: Final = any_of(
    then(_ORDERS, 28, telling(_STOP)),
    then("停产 停业 停工", "整顿 整治 整改 令 通知书 决定书"),
    then(_SUFFERS, 16, _STOP),
    then("叫停 禁止", "生产 营业 经营 开工"),
    "停产处理",
    "ordered_to_shut",
)

KINDS: Final[tuple[Kind, ...]] = (
    _kind("bankruptcy", 0.95, _BANKRUPTCY),
    _kind("dishonest", 0.9, _DISHONEST),
    _kind("serious-violation", 0.9, _SERIOUS_VIOLATION),
    _kind("consumption-ban", 0.85, _CONSUMPTION_BAN),
    _kind("terminated", 0.82, _TERMINATED),
    _kind("enforcement", 0.82, _ENFORCEMENT),
    _kind("freeze", 0.82, _FREEZE),
    _kind("revocation", 0.85, _REVOCATION),
    _kind("tax", 0.85, _TAX),
    _kind("wages", 0.85, _WAGES),
    _kind("owner-missing", 0.9, _OWNER_MISSING),
    _kind("criminal", 0.88, _CRIMINAL),
    _kind("default", 0.88, _DEFAULT),
    _kind("accident", 0.85, _ACCIDENT),
    _kind("shutdown", 0.85, _SHUTDOWN),
)
CUES: Final = {kind.name: kind.cues for kind in KINDS}


def facts(text: str, kinds: Collection[str]) -> Iterator[Fact]:
    """Yield the facts that a normalised text mentions, kind by kind, denied or not and whosever they are.

    Parameters
    ----------
    text
        A normalised text.
    kinds
        Names of the kinds of which it has a cue.

    Examples
    --------
    >>> [fact.kind.name for fact in facts("某纺织厂欠税1200万元,老板失联", ["tax", "owner-missing"])]
    ['tax', 'owner-missing']
    """
    for kind in KINDS:
        if kind.name in kinds:
            for match in kind.pattern.finditer(text):
                yield Fact(kind, match.start(), match.end())
