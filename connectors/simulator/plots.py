"""What may happen to an enterprise, as data: how its figures move, and what courts, papers and offices publish.

Written from what is known of the domain, before any detector was run on it: stories end in a default, decoys look bad
and mean nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple, TypeAlias

from connectors.models import Level

StoryName: TypeAlias = Literal[
    "arrears-pile-up", "bad-news", "bankruptcy", "buyers-leave", "dishonest-debtor", "factory-stops", "fades-away",
    "guarantee-chain", "never-reopens", "owner-flees", "paper-sales", "sheds-staff", "tax-to-zero",
]  # fmt: skip
DecoyName: TypeAlias = Literal[
    "annual-shutdown", "changes-hands", "denied-rumours", "good-news", "grid-outage", "lumpy-sales", "meter-replaced",
    "meter-zero", "named-along", "often-sued", "one-car-maker", "planned-overhaul", "plaintiff", "power-rationing",
    "records-removed", "relocation", "rush-orders", "seasonal-plant", "spring-festival", "staff-outsourced",
]  # fmt: skip

#: (days or months since the beginning, factor): straight between the points, constant after the last, 1 before all.
Curve: TypeAlias = tuple[tuple[float, float], ...]


class Case(NamedTuple):
    """One court record: days after the beginning, matter, kind, amount in CNY, role, and whether it is removed."""

    after: int
    matter: int
    kind: str
    amount: float
    role: str = "defendant"
    removed: bool = False
    cause: str = "金融借款合同纠纷"


class Item(NamedTuple):
    """One headline: days after the beginning, edition of the day, text, how many papers bring it."""

    after: int
    edition: int
    text: str
    copies: int = 1


class Notice(NamedTuple):
    """Something that an office or a meter says: days after the beginning, what, of which power account."""

    after: int
    what: str
    account: str = ""


@dataclass(frozen=True)
class Plot:
    """How one enterprise's signals differ from their usual course.

    Parameters
    ----------
    name
        Which story or decoy.
    use
        Factor of the electricity use by day.
    sales, staff
        Factors of declared sales and insured headcount by month.
    owed, voids, reds
        Share of the contribution base that is owed, and of the invoices that is voided or taken back by red-letter
        invoices besides the usual, by month.
    buyer
        How far the largest buyer's share has moved from its usual one to nearly all, 0 to 1, by month.
    sole
        Usual share of the largest buyer, all through; 0: as with others of its trade.
    lumpy
        Standard deviation of the logarithm of its monthly sales, all through.
    silent, zero
        First and last day without readings; and with readings of zero, which are restated two days later.
    court, news, notices, meter
        Records, headlines, notices of the tax office and meter states.
    moves, sold
        The day on which the registry has it in another district, and with a new shareholder; None: never.
    exits
        Investors and holdings that leave the market: days after the beginning, what they are to the enterprise.
    """

    name: StoryName | DecoyName
    use: Curve = ()
    sales: Curve = ()
    staff: Curve = ()
    owed: Curve = ()
    voids: Curve = ()
    reds: Curve = ()
    buyer: Curve = ()
    sole: float = 0.0
    lumpy: float = 0.0
    silent: tuple[int, int] | None = None
    zero: tuple[int, int] | None = None
    court: tuple[Case, ...] = ()
    news: tuple[Item, ...] = ()
    notices: tuple[Notice, ...] = ()
    meter: tuple[Notice, ...] = ()
    moves: int | None = None
    sold: int | None = None
    exits: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class Part:
    """A plot as one enterprise plays it.

    Parameters
    ----------
    plot
        What happens.
    begins
        First day.
    tempo
        Its days and months last so many times as long.
    depth
        Power of its factors: above 1 it is worse than written.
    distress
        Whether it ends in a default; such firms use power unevenly and file late or not at all more often.
    """

    plot: Plot
    begins: date
    tempo: float = 1.0
    depth: float = 1.0
    distress: bool = False

    def day(self, day: date) -> int:
        """Return how many days it has gone on, negative before it begins."""
        return (day - self.begins).days

    def month(self, month: date) -> int:
        """Return how many months it has gone on, negative before it begins."""
        return (month.year - self.begins.year) * 12 + month.month - self.begins.month

    def factor(self, curve: Curve, elapsed: int) -> float:
        """Return what is left of a figure so many days or months after the beginning."""
        return max(at_curve(curve, elapsed / self.tempo), 0.0) ** self.depth if elapsed >= 0 else 1.0

    def share(self, curve: Curve, elapsed: int) -> float:
        """Return a share, 0 before the beginning and before the curve's first point."""
        where = elapsed / self.tempo
        return at_curve(curve, where) if curve and elapsed >= 0 and where >= curve[0][0] else 0.0

    def due(self, after: int, day: date) -> bool:
        """Tell whether what comes so many days after the beginning comes on a day."""
        return self.day(day) == round(after * self.tempo)

    def within(self, span: tuple[int, int] | None, day: date) -> bool:
        """Tell whether a day lies in a span, which keeps its length whatever the tempo."""
        return span is not None and span[0] <= self.day(day) <= span[1]


def at_curve(curve: Curve, where: float) -> float:
    """Return a curve's value.

    Examples
    --------
    >>> [at_curve(((0, 1.0), (10, 0.5)), where) for where in (-1, 0, 5, 99)]
    [1.0, 1.0, 0.75, 0.5]
    >>> at_curve((), 3)
    1.0
    """
    place = bisect_right([at for at, _ in curve], where)
    if not curve or place == 0:
        return 1.0
    if place == len(curve):
        return curve[-1][1]
    (x0, y0), (x1, y1) = curve[place - 1], curve[place]
    return y0 + (y1 - y0) * (where - x0) / (x1 - x0)


@dataclass(frozen=True)
class Casting:
    """When a plot is played, and by whom.

    Parameters
    ----------
    plot
        What happens.
    after
        Days from the end of the warm-up.
    lasts
        Days to the default, or to a decoy's end.
    who
        ``factory``, ``plant``, ``shop``, ``employer``, ``firm``, ``big`` or ``any``.
    needs
        Feeds that the enterprise must have.
    monthly
        Whether it begins with the next month.
    level
        Of a story: the least level to be reached by its default.
    festival
        Whether it begins when the enterprise would open again after Spring Festival.
    learned
        Of a decoy whose meaning only a look at its past shows: it begins with the window, is judged from so many days
        on, and is planted only where the window's first weeks are backfilled history.
    """

    plot: Plot
    after: int
    lasts: int
    who: str = "firm"
    needs: tuple[str, ...] = ()
    monthly: bool = False
    level: Level = Level.YELLOW
    festival: bool = False
    learned: int = 0


_WAGES = "劳动争议"
_SALE = "买卖合同纠纷"

STORIES: tuple[Casting, ...] = (
    Casting(
        Plot(
            "factory-stops",
            use=((0, 0.5), (1, 0.2), (2, 0.015)),
            sales=((0, 0.5), (1, 0.05)),
            staff=((0, 0.9), (3.5, 0.2)),
            owed=((0, 0.0), (10, 1.0)),
            reds=((0, 0.05), (1, 0.25)),
            buyer=((0, 0.2), (1, 0.8)),
        ),
        2, 75, "factory", ("metered", "taxed"),
    ),
    Casting(
        Plot(
            "dishonest-debtor",
            court=(
                Case(0, 1, "filing", 2_600_000.0),
                Case(4, 2, "filing", 840_000.0),
                Case(15, 1, "hearing", 2_600_000.0),
                Case(22, 1, "judgment", 2_600_000.0),
                Case(27, 3, "enforcement", 2_600_000.0),
                Case(31, 4, "enforcement", 840_000.0),
                Case(38, 3, "consumption_ban", 2_600_000.0),
                Case(45, 3, "dishonest", 2_600_000.0),
            ),
        ),
        7, 60, level=Level.ORANGE,
    ),
    Casting(
        Plot(
            "bad-news",
            news=(
                Item(0, 0, "{name}被曝拖欠员工工资两个月，工人聚集讨薪", 2),
                Item(0, 1, "{name}拖欠工资引发讨薪，劳动监察部门介入调查", 2),
                Item(1, 0, "供应商上门堵厂：{name}拖欠货款超千万元", 2),
                Item(1, 1, "{name}多个银行账户被法院冻结", 2),
                Item(2, 0, "{name}实际控制人失联，公司电话无人接听", 2),
                Item(2, 1, "传{name}老板跑路，厂区大门紧闭", 2),
                Item(3, 1, "{name}贷款逾期，银行宣布提前收回授信", 2),
                Item(4, 0, "{name}因未履行生效判决被申请强制执行", 2),
                Item(5, 1, "{name}债务违约，担保公司已代偿", 2),
                Item(7, 0, "知情人士：{name}正洽谈资产出售，经营陷入停顿", 2),
                Item(9, 0, "债权人申请{name}破产清算，法院正在审查", 2),
            ),
        ),
        15, 90,
    ),
    Casting(
        Plot(
            "tax-to-zero",
            use=((0, 1.0), (60, 0.4)),
            sales=((0, 0.0),),
            notices=(Notice(120, "abnormal_household"),),
        ),
        0, 140, "shop", ("metered", "taxed"), monthly=True,
    ),
    Casting(
        Plot("sheds-staff", sales=((0, 1.12), (4, 1.44)), staff=((0, 0.78), (4.4, 0.25))),
        0, 130, "employer", ("taxed",), monthly=True, level=Level.BLUE,
    ),
    Casting(
        Plot(
            "fades-away",
            use=((0, 1.0), (120, 0.35), (150, 0.25)),
            sales=((0, 0.95), (5, 0.35)),
            staff=((0, 1.0), (5, 0.6)),
            owed=((2, 0.0), (3, 0.2)),
            reds=((0, 0.0), (5, 0.12)),
            buyer=((0, 0.0), (5, 0.6)),
            notices=(Notice(112, "arrears"),),
            meter=(Notice(84, "arrears", "0001"), Notice(114, "arrears", "0001")),
        ),
        5, 140, "factory", ("metered", "taxed"),
    ),
    Casting(
        Plot(
            "owner-flees",
            use=((0, 1.0), (3, 0.7), (5, 0.2), (7, 0.02)),
            sales=((0, 0.6), (1, 0.0)),
            staff=((0, 0.7), (1, 0.1)),
            owed=((0, 1.0),),
            court=(Case(12, 1, "filing", 96_000.0, cause=_WAGES), Case(16, 2, "filing", 1_450_000.0, cause=_SALE)),
            news=(
                Item(4, 1, "工人反映{name}拖欠三个月工资"),
                Item(8, 0, "{name}老板失联，数十名工人到街道办反映欠薪"),
                Item(9, 1, "人社部门介入{name}欠薪事件", 2),
            ),
        ),
        18, 40, "factory", ("metered",),
    ),
    Casting(
        Plot(
            "paper-sales",
            use=((0, 0.8), (10, 0.3), (20, 0.2)),
            sales=((0, 1.15), (4, 1.5)),
            voids=((0, 0.15), (2, 0.35)),
            reds=((0, 0.05), (3, 0.2)),
            buyer=((0, 0.3), (3, 0.9)),
            notices=(Notice(135, "abnormal_household"),),
        ),
        0, 145, "factory", ("metered", "taxed"), monthly=True,
    ),
    Casting(
        Plot(
            "bankruptcy",
            court=(
                Case(0, 1, "judgment", 5_200_000.0),
                Case(20, 2, "enforcement", 5_200_000.0),
                Case(36, 3, "enforcement", 1_900_000.0),
                Case(52, 2, "equity_freeze", 5_200_000.0),
                Case(80, 2, "terminated_execution", 5_200_000.0),
                Case(110, 5, "bankruptcy", 14_000_000.0, cause="申请破产清算"),
            ),
            news=(Item(84, 0, "{name}名下无财产可供执行，法院终结本次执行程序"),),
        ),
        10, 110, level=Level.ORANGE,
    ),
    Casting(
        Plot(
            "guarantee-chain",
            owed=((2, 0.0), (3, 0.3)),
            court=(
                Case(20, 1, "filing", 2_600_000.0),
                Case(46, 1, "hearing", 2_600_000.0),
                Case(60, 1, "judgment", 2_600_000.0),
                Case(76, 2, "enforcement", 2_600_000.0),
                Case(86, 2, "equity_freeze", 2_600_000.0),
            ),
            meter=(Notice(70, "arrears", "0001"),),
        ),
        12, 105, needs=("metered",),
    ),
    Casting(
        Plot(
            "arrears-pile-up",
            use=((0, 1.0), (100, 0.75), (112, 0.02)),
            sales=((0, 0.95), (5, 0.6)),
            staff=((0, 1.0), (5, 0.75)),
            owed=((0, 0.3), (4, 1.0)),
            notices=(Notice(95, "arrears"),),
            meter=(Notice(40, "arrears", "0001"), Notice(72, "arrears", "0001"), Notice(110, "suspended", "0001")),
        ),
        0, 140, "employer", ("metered", "taxed"), monthly=True,
    ),
    Casting(
        Plot(
            "never-reopens",
            use=((0, 0.03),),
            sales=((0, 0.3), (1, 0.0)),
            staff=((0, 0.8), (2, 0.3)),
            owed=((0, 0.5),),
        ),
        0, 65, "factory", ("metered",), festival=True,
    ),
    Casting(
        Plot(
            "buyers-leave",
            use=((0, 1.0), (40, 0.9), (150, 0.55)),
            sales=((0, 0.97), (5, 0.4)),
            staff=((0, 1.0), (5, 0.85)),
            owed=((3, 0.0), (4, 0.15), (5, 0.4)),
            reds=((0, 0.0), (2, 0.08), (5, 0.25)),
            buyer=((0, 0.0), (5, 1.0)),
            news=(Item(96, 0, "{name}两名董事相继辞职"), Item(118, 1, "大客户转单，{name}产线大面积停工")),
            notices=(Notice(132, "arrears"),),
            exits=(Notice(104, "investor"),),
            sold=70,
        ),
        0, 150, "factory", ("metered", "taxed"), monthly=True,
    ),
)  # fmt: skip

_SUITS_AS_PLAINTIFF = tuple(
    Case(after, number, kind, 900_000.0 + 310_000.0 * number, "plaintiff", cause=_SALE)
    for number in range(1, 10)
    for after, kind in ((5 * number, "filing"), (5 * number + 20, "hearing"), (5 * number + 35, "judgment"))
)
_SMALL_CLAIMS = tuple(
    Case(13 * number, number, "filing", 3_000.0 + 1_700.0 * (number % 9), cause="网络购物合同纠纷")
    for number in range(1, 30)
)

DECOYS: tuple[Casting, ...] = (
    Casting(
        Plot(
            "planned-overhaul",
            use=((0, 0.4), (1, 0.02), (12, 0.02), (13, 0.5), (16, 1.0)),
            meter=(Notice(-1, "planned_outage", "0001"), Notice(13, "restored", "0001")),
        ),
        30, 16, "plant", ("metered",),
    ),
    Casting(Plot("plaintiff", court=_SUITS_AS_PLAINTIFF), 10, 85),
    Casting(Plot("often-sued", court=_SMALL_CLAIMS), -60, 200, "big"),
    Casting(
        Plot(
            "denied-rumours",
            news=(
                Item(0, 0, "{name}澄清：网传资金链断裂系谣言，公司经营正常"),
                Item(0, 1, "{name}否认破产传闻，称将追究造谣者法律责任", 2),
                Item(2, 0, "警方通报：散布{name}老板跑路谣言者被行政处罚"),
                Item(3, 1, "{name}回应欠薪传闻：不实，工资均已按时发放"),
            ),
        ),
        25, 14,
    ),
    Casting(
        Plot(
            "named-along",
            news=(
                Item(0, 0, "远桥集团申请破产，{name}等供应商称影响有限", 2),
                Item(1, 1, "{name}申请法院冻结客户远桥集团银行账户"),
                Item(4, 0, "同业恒桥塑业被列为失信被执行人，{name}承接其订单"),
                Item(9, 1, "{name}中标远桥集团破产重整资产"),
            ),
        ),
        40, 20,
    ),
    Casting(
        Plot(
            "good-news",
            news=tuple(
                Item(number // 6, number % 2, text, 2)
                for number, text in enumerate(
                    (
                        "{name}首发新品，订单排至明年", "{name}获评省级绿色工厂", "{name}与龙头企业签约",
                        "{name}成功上市辅导备案", "{name}扩产项目开工", "{name}获银行授信支持",
                        "{name}员工技能大赛夺冠", "{name}入选专精特新名单", "{name}捐资助学", "{name}出口增长两成",
                    )
                )
            ),
        ),
        50, 12,
    ),
    Casting(
        Plot(
            "records-removed",
            court=(
                Case(3, 1, "enforcement", 1_200_000.0),
                Case(12, 1, "dishonest", 1_200_000.0),
                Case(72, 1, "dishonest", 1_200_000.0, removed=True),
                Case(76, 1, "enforcement", 1_200_000.0, removed=True),
            ),
        ),
        0, 200, learned=70,
    ),
    Casting(
        Plot(
            "annual-shutdown",
            use=((24, 1.0), (25, 0.03), (44, 0.03), (45, 0.8), (46, 1.0), (389, 1.0), (390, 0.03), (409, 0.03),
                 (410, 0.8), (411, 1.0)),
        ),
        0, 420, "factory", ("metered",), learned=385,
    ),
    Casting(
        Plot(
            "seasonal-plant",
            use=((0, 0.10), (28, 0.12), (42, 1.0), (365, 1.0), (379, 0.10), (420, 0.10), (434, 1.0)),
            sales=((0, 0.3), (1, 0.4), (2, 1.0), (11, 1.0), (12, 0.7), (13, 0.3), (14, 0.9)),
            staff=((0, 0.7), (1, 0.8), (2, 1.0), (11, 1.0), (12, 0.85), (13, 0.7), (14, 1.0)),
        ),
        0, 440, "food", ("metered", "taxed"), learned=365,
    ),
    Casting(
        Plot(
            "meter-replaced",
            use=((4, 1.0), (5, 1.1)),
            silent=(0, 4),
            meter=(Notice(0, "offline", "0001"), Notice(5, "online", "0001")),
        ),
        35, 12, needs=("metered",),
    ),
    Casting(
        Plot(
            "meter-zero",
            zero=(0, 5),
            meter=(Notice(0, "offline", "0001"), Notice(6, "online", "0001")),
        ),
        45, 14, needs=("metered",),
    ),
    Casting(
        Plot(
            "relocation",
            use=((0, 1.0), (5, 0.6), (8, 0.35), (10, 0.3), (14, 0.7), (18, 1.0)),
            staff=((0, 0.95), (1, 0.88), (3, 0.95)),
            news=(Item(2, 0, "{name}整体搬迁至新厂房，旧厂区停用"),),
            meter=(Notice(13, "closed", "0001"),),
            moves=13,
        ),
        28, 30, "factory", ("metered",),
    ),
    Casting(
        Plot("rush-orders", use=((0, 1.0), (3, 2.3), (20, 2.3), (24, 1.0)), sales=((0, 1.5), (1, 1.6), (2, 1.0))),
        20, 40, "factory", ("metered", "taxed"),
    ),
    Casting(Plot("staff-outsourced", staff=((0, 0.74),)), 0, 90, "employer", ("taxed",), monthly=True),
    Casting(
        Plot("one-car-maker", sales=((0, 0.9), (1, 1.0)), reds=((0, 0.12), (1, 0.0)), sole=0.9),
        20, 100, "factory", ("taxed",), monthly=True,
    ),
    Casting(
        Plot(
            "changes-hands",
            news=(
                Item(0, 0, "{name}股东转让全部股权，新股东为产业投资集团", 2),
                Item(1, 1, "{name}创始人退休，法定代表人变更"),
                Item(6, 0, "{name}三名董事辞任，董事会完成改选"),
            ),
            exits=(Notice(25, "investor"),),
            sold=4,
        ),
        15, 60,
    ),
    Casting(Plot("lumpy-sales", lumpy=0.8), 0, 150, "trader", ("taxed",), monthly=True),
)  # fmt: skip
