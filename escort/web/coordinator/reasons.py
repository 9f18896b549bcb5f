"""The planner's reasons as the office says them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from escort.rota.standins import RankedCandidate
from escort.sentences import mark
from scheduling.explain import Refusal, Weighed, WhyNobody
from scheduling.plan import Rule


@dataclass(frozen=True)
class Chip:
    """One reason as a word; good, doubtful or plain."""

    word: str  # with %(n)s where `number` stands
    number: str = ""
    kind: str = ""  # "", "good" or "doubt": the CSS class is chip-<kind>


def chips_of(candidate: RankedCandidate) -> list[Chip]:
    """Return what speaks for and against asking this person, in the order in which it weighs."""
    chips = []
    if candidate.rides_before:
        chips.append(Chip(mark("接过 %(n)s 次"), str(candidate.rides_before), "good"))
    elif candidate.is_known:
        chips.append(Chip(mark("熟面孔"), kind="good"))
    near = candidate.approach_km <= NEAR_KM
    chips.append(Chip(mark("离起点 %(n)s 公里"), f"{candidate.approach_km:.1f}", "good" if near else ""))
    full = candidate.duties_week >= candidate.cap_week
    load = f"{candidate.duties_week}/{candidate.cap_week}"
    chips.append(Chip(mark("本周 %(n)s 趟"), load, "doubt" if full else ""))
    if candidate.is_asked:
        chips.append(Chip(mark("已问，等回话"), kind="doubt"))
    return chips


@dataclass(frozen=True)
class Reason:
    """One sentence with its figures, and what it counts as in a word."""

    sentence: str
    values: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""
    tag_number: str = ""
    kind: str = ""  # of the tag: "", "good" or "doubt"


def why_driver(driver: RankedCandidate, nearer: int) -> list[Reason]:
    """Return why this driver, by what the plan weighs: faces, way, turns, load, and that no rule is broken."""
    if driver.rides_before:
        faces = Reason(mark("接过 %(n)s 次"), {"n": str(driver.rides_before)}, mark("熟人"), kind="good")
    elif driver.is_known:
        faces = Reason(mark("是孩子的熟面孔"), tag=mark("熟人"), kind="good")
    else:
        faces = Reason(mark("头一回接这个孩子"), tag=mark("新来的"), kind="doubt")
    way = Reason(
        mark("离起点 %(n)s 公里"), {"n": f"{driver.approach_km:.1f}"}, mark("第 %(n)s 近"), str(nearer + 1)
    )
    if driver.drove_last:
        turns = Reason(mark("上一个服务日也是这位"), tag=mark("连着"), kind="doubt")
    else:
        turns = Reason(mark("上一个服务日不是这位"), tag=mark("轮流"), kind="good")
    load = Reason(
        mark("这一周另有 %(n)s 趟，最多 %(most)s 趟"),
        {"n": str(driver.duties_week), "most": str(driver.cap_week)},
        mark("没满"),
    )
    return [faces, way, turns, load, Reason(mark("证件、座位、时段都合"), tag=mark("必须"), kind="good")]


def why_not(refusal: Refusal | None, price: int = 0) -> Reason:
    """Return why somebody may not drive, with the two figures where the rule compares some.

    `price`: by how much the plan is dearer with one who may than with the driver it has, or the first to be asked.
    """
    if refusal is None:
        if price:
            worse = price > 0
            sentence = mark("开得了，但按排班的账不如") if worse else mark("开得了，按排班的账也更好")
            tag = mark("差 %(n)s 分") if worse else mark("好 %(n)s 分")
            return Reason(sentence, tag=tag, tag_number=str(abs(price)), kind="doubt" if worse else "good")
        return Reason(mark("开得了，可以问"), tag=mark("可以"), kind="good")
    if refusal.rule not in COMPARED or refusal.has is None or refusal.needs is None:
        return Reason(WORDS[refusal.rule], tag=mark("不行"), kind="doubt")
    values = {"has": f"{refusal.has:g}", "needs": f"{refusal.needs:g}"}
    if refusal.rule is Rule.TOO_FAR:
        values = {"has": f"{refusal.has:.1f}", "needs": f"{refusal.needs:.1f}"}
    return Reason(COMPARED[refusal.rule], values, mark("不行"), kind="doubt")


def compared(weighed: Sequence[Weighed]) -> list[Reason]:
    """Return in which of the plan's wishes one person is dearer or cheaper than another, the heaviest first."""
    rows = []
    for row in weighed:
        more, less = WISHES[row.wish]
        points = row.price - row.other
        sentence = more if points > 0 else less
        values = {"n": f"{abs(points) / KM_POINTS:.1f}"} if row.wish == "km" else {}
        kind = "doubt" if points > 0 else "good"
        tag = mark("差 %(n)s 分") if points > 0 else mark("好 %(n)s 分")
        rows.append(Reason(sentence, values, tag, str(abs(points)), kind))
    return rows


def barrier_of(why: WhyNobody) -> list[Chip]:
    """Return the fewest rules that leave nobody between them, each with how many it lets through by itself."""
    return [Chip(NEEDED[rule], str(people)) for rule, people in why.barrier]


def two_of(why: WhyNobody) -> list[tuple[str, str, int]]:
    """Return which two rules to give way in at once, and how many that brings, where one alone brings nobody."""
    return [
        (TOGETHER_RELAXED[two.rules[0]], TOGETHER_RELAXED[two.rules[1]], two.people)
        for two in why.pairs
        if all(rule in TOGETHER_RELAXED for rule in two.rules)
    ]


def blocked_of(why: WhyNobody) -> list[tuple[str, int]]:
    """Return how many people fall to which rule first, the commonest cause on top."""
    rows = [(WORDS[rule], count) for rule, count in why.blocked if count]
    return sorted(rows, key=lambda row: -row[1])


@dataclass(frozen=True)
class Relaxed:
    """One rule to give way in, how many could drive then, and whether only the family can say so."""

    word: str  # with %(n)s where `number` stands
    number: str
    people: int
    asks_family: bool


def relaxed_of(why: WhyNobody) -> list[Relaxed]:
    """Return what giving way in one rule would bring."""
    return [
        Relaxed(
            RELAXED[one.rule],
            f"{one.amount:.0f}" if one.amount is not None else "",
            one.people,
            one.rule in THE_FAMILYS,
        )
        for one in why.relaxations
        if one.people and one.rule in RELAXED
    ]


NEAR_KM = 3.0
WORDS = {
    Rule.BANNED: mark("家里不许他接"),
    Rule.DECLINED: mark("说过这趟去不了，不再问"),
    Rule.ONLY_FAMILIAR: mark("不是孩子的熟面孔"),
    Rule.NOT_IN_ROTA: mark("这天不在轮值里"),
    Rule.TOGETHER: mark("只和家人一起开"),
    Rule.VETTING: mark("没有审核，或审核过期"),
    Rule.LICENCE: mark("驾驶证当天已过期"),
    Rule.INSURANCE: mark("座位险当天已过期"),
    Rule.WHEELCHAIR: mark("车放不下轮椅"),
    Rule.CHILD_SEATS: mark("没有儿童座椅"),
    Rule.SEATS: mark("座位不够"),
    Rule.FEMALE_DRIVER: mark("要女司机"),
    Rule.GIRLS_ONLY: mark("只接女孩"),
    Rule.UNAVAILABLE: mark("这个时段不在"),
    Rule.BLOCKOUT: mark("这天不行"),
    Rule.TOO_FAR: mark("住得远，赶不到"),
    Rule.OTHER_TEAM: mark("别的车队"),
    Rule.SAME_HALF_DAY: mark("这个半天已有一趟"),
    Rule.HOUSEHOLD: mark("家里人同时有一趟"),
    Rule.WEEK_CAP: mark("本周已满"),
    Rule.MONTH_CAP: mark("本月已满"),
}
COMPARED = {
    Rule.TOO_FAR: mark("住得远：要开 %(has)s 公里，最多肯开 %(needs)s 公里"),
    Rule.WEEK_CAP: mark("本周已有 %(has)s 趟，最多 %(needs)s 趟"),
    Rule.MONTH_CAP: mark("本月已有 %(has)s 趟，最多 %(needs)s 趟"),
    Rule.SEATS: mark("座位不够：有 %(has)s 个，要 %(needs)s 个"),
    Rule.CHILD_SEATS: mark("儿童座椅不够：有 %(has)s 个，要 %(needs)s 个"),
}
THE_FAMILYS = frozenset({Rule.ONLY_FAMILIAR, Rule.FEMALE_DRIVER, Rule.WHEELCHAIR})
RELAXED = {
    Rule.TOO_FAR: mark("肯多开到 %(n)s 公里"),
    Rule.WEEK_CAP: mark("肯多开 %(n)s 趟"),
    Rule.MONTH_CAP: mark("这个月肯多开 %(n)s 趟"),
    Rule.ONLY_FAMILIAR: mark("家里同意加新面孔"),
    Rule.FEMALE_DRIVER: mark("家里同意男司机"),
    Rule.CHILD_SEATS: mark("借一个儿童座椅"),
    Rule.WHEELCHAIR: mark("轮椅折叠放后备厢"),
    Rule.UNAVAILABLE: mark("肯换一个时段"),
    Rule.INSURANCE: mark("座位险续上"),
    Rule.VETTING: mark("补上审核"),
    Rule.LICENCE: mark("驾驶证续上"),
}
NEEDED = {
    Rule.BANNED: mark("家里没说不行的有 %(n)s 人"),
    Rule.DECLINED: mark("没说过去不了的有 %(n)s 人"),
    Rule.NOT_IN_ROTA: mark("这天在轮值里的有 %(n)s 人"),
    Rule.ONLY_FAMILIAR: mark("孩子的熟面孔有 %(n)s 人"),
    Rule.VETTING: mark("审核有效的有 %(n)s 人"),
    Rule.LICENCE: mark("驾驶证有效的有 %(n)s 人"),
    Rule.INSURANCE: mark("座位险有效的有 %(n)s 人"),
    Rule.WHEELCHAIR: mark("放得下轮椅的有 %(n)s 人"),
    Rule.CHILD_SEATS: mark("有儿童座椅的有 %(n)s 人"),
    Rule.SEATS: mark("座位够的有 %(n)s 人"),
    Rule.FEMALE_DRIVER: mark("女司机有 %(n)s 人"),
    Rule.GIRLS_ONLY: mark("不限只接女孩的有 %(n)s 人"),
    Rule.TOGETHER: mark("能一个人开的有 %(n)s 人"),
    Rule.UNAVAILABLE: mark("这个时段在的有 %(n)s 人"),
    Rule.BLOCKOUT: mark("这天没请假的有 %(n)s 人"),
    Rule.TOO_FAR: mark("住得够近的有 %(n)s 人"),
    Rule.SAME_HALF_DAY: mark("这个半天还空着的有 %(n)s 人"),
    Rule.HOUSEHOLD: mark("家里没人同时出车的有 %(n)s 人"),
    Rule.WEEK_CAP: mark("本周没满的有 %(n)s 人"),
    Rule.MONTH_CAP: mark("本月没满的有 %(n)s 人"),
}
TOGETHER_RELAXED = {
    Rule.TOO_FAR: mark("肯多开一段路"),
    Rule.WEEK_CAP: mark("这周肯多开一趟"),
    Rule.MONTH_CAP: mark("这个月肯多开一趟"),
    Rule.ONLY_FAMILIAR: mark("家里同意加新面孔"),
    Rule.FEMALE_DRIVER: mark("家里同意男司机"),
    Rule.CHILD_SEATS: mark("借一个儿童座椅"),
    Rule.WHEELCHAIR: mark("轮椅折叠放后备厢"),
    Rule.UNAVAILABLE: mark("肯换一个时段"),
    Rule.INSURANCE: mark("座位险续上"),
    Rule.VETTING: mark("补上审核"),
    Rule.LICENCE: mark("驾驶证续上"),
}
WISHES = {  # dearer, cheaper
    "km": (mark("来回多开 %(n)s 公里"), mark("来回少开 %(n)s 公里")),
    "load": (mark("按答应的趟数，已经开得多些"), mark("按答应的趟数，开得少些")),
    "repeat": (mark("上一个或下一个服务日也是这位"), mark("两个服务日不连着")),
    "pair": (mark("孩子不熟"), mark("孩子更熟")),
    "circle_over": (mark("熟人圈又多一个人"), mark("熟人圈不用再添人")),
    "reserve": (mark("要留给只认熟面孔的孩子"), mark("不用动留给别的孩子的人")),
}
KM_POINTS = 10  # of the plan's account to a kilometre (`Weights.km`)
