"""The facts that count as serious for their subject whatever a model may say, as Chinese reports put them.

Each kind is a pattern that stays within a clause. Whether the fact is denied or over is for
:mod:`detectors.sentiment.guards` to say, and whose fact it is for :mod:`detectors.sentiment.parties`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from detectors.sentiment.words import either

#: Up to so many characters of the same clause.
_GAP: Final = r"[^，。；！？,;!?\n]"


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
    cues: tuple[str, ...]
    pattern: re.Pattern[str]


class Fact(NamedTuple):
    """A fact that a text mentions, from character ``start`` up to ``end``."""

    kind: Kind
    start: int
    end: int


def _kind(name: str, severity: float, cues: str, *patterns: str) -> Kind:
    return Kind(name, severity, tuple(cues.split()), re.compile("|".join(patterns).replace("~", _GAP), re.IGNORECASE))


_ROLE: Final = either(
    "老板 老板娘 老总 法人 法人代表 法定代表人 法代 董事长 董事局主席 主席 实控人 实际控制人 控制人 负责人 "
    "创始人 总经理 总裁 厂长 "
    "控股股东 大股东 掌门人 掌舵人 当家人 经营者 CEO"
)
_UNABLE: Final = either("未能 无法 不能 未 无力 没有 没能 没 难以 拒不 丧失")
_DEBT: Final = either(
    "债券 债务 公司债 企业债 美元债 私募债 可转债 债 票据 贷款 借款 中票 短融 融资券 信托 商票 本息 利息 本金 "
    "兑付 到期 融资租赁 "
    "理财产品 实质 实质性 交叉 构成 发生 触发 已经 已 再度 再次 首次 出现"
)
_CRIME: Final = either(
    "犯罪 诈骗 非法吸收 非法集资 集资 挪用 侵占 行贿 受贿 走私 传销 洗钱 骗贷 骗取 罪 非法经营 内幕交易 操纵 "
    "欺诈发行 造假 "
    "虚假出资 抽逃 贪污 偷逃 逃税 污染环境 黑社会 串通投标 假冒 生产销售"
)
_POLICE: Final = either("警方 公安 公安机关 经侦 检察院 检察机关 监委 派出所")
_PAY: Final = either("工资 薪水 薪资 薪酬 薪 劳动报酬 血汗钱 工钱")
_DISASTER: Final = either(
    "爆炸 火灾 坍塌 大火 起火 着火 失火 燃爆 闪爆 垮塌 透水 塌方 溃坝 矿难 中毒 泄漏 泄露 冒顶 踩踏"
)
_STOP: Final = either(
    "停产 停业 关闭 停工 关停 停运 停建 取缔 停止生产 停止经营 停止营业 停止建设 停止一切 停止运营 立即停止"
)
_LICENCE: Final = either("许可证 许可 资质 执照 牌照 经营资格")

KINDS: Final[tuple[Kind, ...]] = (
    _kind(
        "bankruptcy",
        0.95,
        "破产 重整 资不抵债 倒闭 清盘 清算 bankrupt insolven",
        r"(?:(?:申请|提交|提起|受理|裁定|宣告|启动|进入)~{0,24}?)?破产(?!法(?!院|庭)|隔离|债权|重整投资|概率"
        r"|风险|率|审判|律师|案例"
        r"|潮|企业|公司|管理人名|管理人协会|和解成功)",
        r"(?:申请|受理|裁定|启动|提起|提出|提交|进入|指定|实施|被)~{0,28}?(?:预重整"
        r"|(?<!资产)(?<!产业)(?<!业务)重整(?!投资))",
        r"预重整(?!投资)|资不抵债|(?:强制|司法)清算(?!组)|倒闭(?!潮|企业|公司|风险)|清盘(?:呈请|令|申请)|(?:被"
        r"|颁令|勒令|申请)清盘",
        r"bankruptcy|bankrupt\b|insolvency|insolvent",
    ),
    _kind(
        "dishonest",
        0.9,
        "失信 老赖 dishonest",
        r"(?<!违法)失信(?!联合惩戒机制|企业修复|老人|率|于)|老赖|dishonest debtor",
    ),
    _kind("serious-violation", 0.9, "违法失信 严重违法", r"违法失信|严重违法~{0,6}?名单"),
    _kind(
        "consumption-ban",
        0.85,
        "消费 限高 限消 consumption",
        r"(?:限制|禁止)~{0,24}?高消费|高消费~{0,4}?(?:限制|禁令)|限制消费|限消|限制~{0,10}?消费(?:令|措施|人员)",
        r"限高(?!层|建|度|架|桥|杆|区|速|价)|consumption ban",
    ),
    _kind(
        "terminated",
        0.82,
        "本次执行 终本 可供执行 财产可执行",
        r"终结~{0,24}?本次执行|终本(?!次)|(?:无|没有|未发现|缺乏)~{0,6}?可供执行|无财产可~{0,2}?执行",
    ),
    _kind(
        "enforcement",
        0.82,
        "执行",
        r"申请(?:人民法院|法院)?(?:强制|恢复)?执行|强制执行(?!力|公证)|(?<!失信)被执行(?!董事|死刑)|执行标的"
        r"|恢复执行|立案执行|执行立案",
        r"执行通知书|执行裁定|执行案件|执行总?金额|被~{0,10}?(?:列|纳)[入为]?执行|(?:纳入|进入"
        r"|移送)~{0,4}?执行(?:程序)?(?!董)",
    ),
    _kind(
        "freeze",
        0.82,
        "冻结 查封 轮候 保全 frozen",
        r"(?:轮候|司法|财产)?(?:冻结|查封)(?!招聘|涨薪|加薪|工资|薪|价格|编制|人事|工艺|技术|晶|取缔|期)"
        r"|(?:财产|诉前|诉讼)保全",
        r"轮候查封|被~{0,6}?保全|assets frozen",
    ),
    _kind(
        "revocation",
        0.85,
        "吊销 许可 资质 执照 牌照 revoked",
        r"吊销(?!旧|~{0,8}?(?:驾|司机))",
        rf"(?:被|遭|予以|依法|强制)~{{0,20}}?(?:撤销|注销|取消|收回)~{{0,14}}?{_LICENCE}",
        rf"(?:撤销|收回)~{{0,24}}?{_LICENCE}|{_LICENCE}~{{0,6}}?(?:被|遭)~{{0,10}}?(?:撤销|注销|取消|收回"
        rf"|吊扣)|license revoked",
    ),
    _kind(
        "tax",
        0.85,
        "税 虚开 非正常 走逃 tax",
        r"欠税|欠缴~{0,24}?税|(?<!拖)欠~{0,8}?(?:增值税|所得税|税款|税费|土地使用税|房产税|消费税|印花税)"
        r"|拖欠~{0,12}?税",
        r"偷税|偷漏税|偷逃~{0,8}?税|逃税|逃避~{0,8}?税|逃避追缴|漏税|骗税|抗税|骗取~{0,8}?(?:退税|税款|留抵)"
        r"|虚开|隐匿~{0,6}?收入",
        r"非正常(?:纳税)?户|(?:税收|税务|涉税)~{0,4}?违法|走逃|未~{0,8}?缴纳~{0,8}?税|少[缴报]~{0,10}?税"
        r"|滞纳税款|催缴~{0,6}?税",
        r"tax evasion|tax arrears",
    ),
    _kind(
        "wages",
        0.85,
        "薪 工资 劳动报酬 农民工 血汗钱 工钱 拖欠员工 拖欠职工 拖欠工人 wages",
        rf"欠薪|讨薪|(?:拖欠|积欠|欠付|欠发|克扣|扣发|停发)~{{0,18}}?(?:{_PAY}|农民工)|拖欠(?:员工|职工|工人)"
        rf"|欠(?!税|缴)~{{0,12}}?(?:工资|工钱)",
        rf"{_PAY}~{{0,14}}?(?:未发|没发|停发|拖欠|拖着|发不出|无法发放|未支付|未能发放|未能支付|被欠|欠发|欠付"
        rf"|未到账|没有着落|无着落|迟迟|打白条)",
        r"(?:无力|无法|未能|拒不|拒绝|发不出|不发|不给|付不出|开不出|(?:未|没|没有)~{0,8}?(?:发放|支付|发|给|付|足额|兑现"
        r"|领到|拿到|收到))~{0,12}?(?:工资|薪水|劳动报酬|工钱)",
        rf"(?:索要|讨要|追讨|催讨|讨回|要回)~{{0,8}}?(?:{_PAY})|拒不支付劳动报酬|unpaid wages",
    ),
    _kind(
        "owner-missing",
        0.9,
        "跑路 失联 楼空 卷款 携款 潜逃 出逃 外逃 逃匿 逃往 失踪 去向 下落 联系 消失 关机 不知所踪 missing absconded",
        r"跑路(?!费)|失联(?!人员|船|飞机|航班|老人|儿童|孩|游客|党员|卫星|预警|修复|补偿|渔"
        r"|客)(?<!船失联)(?<!机失联)(?<!航班失联)"
        r"(?<!卫星失联)(?<!\d失联)(?<!\d人失联)",
        r"人去楼空|卷款|携款|潜逃|出逃|外逃|逃匿|逃往(?:境外|国外|海外)|不知所踪|失去联系",
        rf"{_ROLE}~{{0,12}}?(?:失踪|去向不明|去向成谜|下落不明|不知去向|无法联系|联系不上|联系不到"
        rf"|无法取得联系|玩消失|消失|关机|无人接听|不见踪影)",
        rf"(?:联系不上|联系不到|无法联系|无法与|未能与)~{{0,10}}?{_ROLE}|owner missing|absconded",
    ),
    _kind(
        "criminal",
        0.88,
        "刑 捕 侦查 警方 公安 经侦 检察 监委 派出所 涉嫌 诈骗 集资 公众存款 吸储 侵占 挪用 骗贷 骗取贷款 传销 "
        "造假 欺诈发行 公诉 留置 "
        "监视居住 取保 通缉 强制措施 行贿 犯 罪 移送 criminal fraud ponzi",
        r"刑拘|刑事(?!和解|附带|律师|法|辩护|审判庭)|批捕|批准逮捕|逮捕|被捕|立案侦查|立案侦办",
        rf"(?:被|遭)~{{0,8}}?{_POLICE}~{{0,10}}?(?:立案|带走|调查|控制|抓|羁押|拘|侦|查处|传唤|起诉|查封)",
        rf"{_POLICE}~{{0,24}}?(?:立案|带走|传唤|查处|羁押|控制)|涉嫌~{{0,16}}?{_CRIME}|犯~{{0,16}}?罪"
        rf"|{_CRIME}~{{0,2}}?案发",
        r"(?:合同|集资|贷款|票据|金融|信用证)诈骗|诈骗罪|非法集资|非法吸收公众存款|非法吸存|非法吸储|骗贷"
        r"|骗取贷款|传销案|财务造假|欺诈发行",
        r"单位行贿|罪~{0,6}?(?:获刑|被判|一审|二审|判处|被起诉|成立)|判处~{0,12}?(?:有期徒刑|徒刑|罚金|无期)"
        r"|获刑|判刑|被判~{0,4}?年",
        r"采取~{0,4}?强制措施|移送~{0,6}?(?:检察|公安|司法|审查起诉)|提起公诉|被公诉|(?:被|遭"
        r"|采取)~{0,12}?留置|监视居住|取保候审|通缉",
        r"criminal investigation|accounting fraud|ponzi",
    ),
    _kind(
        "default",
        0.88,
        "违约 兑付 偿付 偿还 付息 清偿 本息 利息 逾期 爆雷 暴雷 资金链 断供 还本 还款 还债 归还 无力支付 "
        "无力还 拒付 到期 default",
        rf"{_DEBT}~{{0,14}}?违约(?!金|责任|成本|条款|率|风险|概率|赔偿)|违约~{{0,4}}?(?:债|本息|票据)",
        rf"{_UNABLE}~{{0,14}}?(?:兑付|偿付|偿还|付息|清偿|还本|还款|还债|还贷|归还~{{0,8}}?(?:贷款|借款|本金|债)"
        r"|支付~{0,14}?(?:本息|利息|本金|到期)|兑现~{0,4}?(?:商票|票据))",
        r"无力(?:支付|还贷|偿债)|(?:债券|票据|商票|汇票|本息|利息|贷款|借款|债务|负债|理财|理财产品|信托|信托计划"
        r"|融资租赁款)~{0,10}?"
        r"(?:逾期|未兑付|未偿付|未付|未偿|拒付|停兑|无法兑)",
        r"逾期~{0,10}?(?:未还|未偿还|未兑付|债务|借款|贷款|票据|本息|本金|商票)|拖欠~{0,10}?(?:贷款|本息|借款"
        r"|债务|银行)",
        r"爆雷|暴雷(?!潮)|资金链~{0,4}?断|(?:停止|暂停|中止|拒绝)~{0,2}?支付~{0,14}?(?:本息|利息|本金|债务)"
        r"|(?:停止|暂停|中止|停|拒绝)~{0,6}?(?:兑付|偿付|付息|还款|偿债)"
        r"|defaulted on|default on|in default",
    ),
    _kind(
        "accident",
        0.85,
        "事故 爆炸 火灾 坍塌 大火 起火 着火 失火 燃爆 闪爆 垮塌 透水 塌方 溃坝 泄漏 泄露 死亡 遇难 身亡 丧生 "
        "矿难 伤亡 中毒 冒顶 死 亡 "
        "explosion",
        rf"(?:{_DISASTER}|瓦斯|安全|生产|责任|伤亡|重大|特大|较大|亡人|粉尘|倒塌|坠落|窒息|死亡|机械伤害"
        rf"|工亡)[^，。；！？,;!?\n无零未没]{{0,6}}?"
        r"(?<!交通)事故(?!率|隐患|预防|防范|应急|演练|树|分析会)",
        rf"(?:发生|突发|引发|酿成|突然|出现)~{{0,14}}?{_DISASTER}|{_DISASTER}~{{0,10}}?(?:致|造成|已有|死|伤"
        rf"|遇难|人员)",
        r"(?:\d|[一二三四五六七八九十两数多余])[名人]~{0,8}?(?:死亡|遇难|身亡|丧生|死)|致~{0,8}?(?:死亡|身亡"
        r"|死|亡)(?!率)|[\d一二三四五六七八九十两]死",
        rf"(?:车间|厂房|仓库|工厂|厂区|宿舍|生产线|生产基地|矿井|井下|工地|储罐|项目部"
        rf"|罐区|锅炉|反应釜|设备|管道)~{{0,6}}?{_DISASTER}|(?:造成|致|导致)~{{0,8}}?伤亡|fatal explosion",
    ),
    _kind(
        "shutdown",
        0.85,
        "停产 停业 关闭 停工 关停 取缔 停止 停运 停建 shut",
        rf"(?:责令|勒令|强制|被令|要求|下令|依法|令其|命令|决定|下达|作出|被迫)~{{0,28}}?{_STOP}|(?:停产|停业"
        rf"|停工)(?:整顿|整治|整改)",
        rf"(?:被|遭|予以)~{{0,16}}?{_STOP}|ordered to shut",
    ),
)  # fmt: skip
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
