"""What offices call their columns: for each kind of sheet, our name of a column and the names it goes by."""

import re
from dataclasses import dataclass

from escort.geocoding import CoordinateSystem
from escort.roster_book.book import SheetKind
from escort.roster_book.values import Cell, half_width, read_text

SHEET_NAMES: dict[SheetKind, tuple[str, ...]] = {
    SheetKind.PLACES: ("常用地点", "地点", "接送地点", "接送点", "常用接送点", "地点表"),
    SheetKind.SCHOOLS: ("学校", "学校表", "接送学校", "学校名单", "学校一览", "学校一览表"),
    SheetKind.TEAMS: ("志愿队", "车队", "志愿车队", "队伍", "志愿队名单", "志愿车队一览表"),
    SheetKind.VOLUNTEERS: ("志愿者", "志愿者名册", "志愿者名单", "志愿者花名册", "护送员", "司机"),
    SheetKind.CHILDREN: ("儿童", "护送对象", "学生", "孩子", "儿童名单", "儿童登记表", "护送对象登记表"),
    SheetKind.CALENDAR: ("校历", "学年校历", "学期校历", "校历表"),
}

_POINT = {
    "lat": ("纬度", "北纬", "lat", "latitude", "家庭纬度", "住址纬度", "坐标纬度", "y坐标"),
    "lon": ("经度", "东经", "lng", "lon", "long", "longitude", "家庭经度", "住址经度", "坐标经度", "x坐标"),
}
_STREET = (
    "所在街道",
    "所属街道",
    "街道",
    "镇街",
    "街镇",
    "街道/镇",
    "镇/街道",
    "乡镇街道",
    "镇街道",
    "街道乡镇",
)
_NUMBER = ("序号", "编号", "行号", "no", "no.")
_REMARK = ("备注", "备注说明", "其他说明", "其他", "说明")

PROBLEMS = "问题"  # our own column in a book that we handed back (`marked.py`)

# our name -> what it goes by; the first is the one we print when the column is missing
COLUMNS: dict[SheetKind, dict[str, tuple[str, ...]]] = {
    SheetKind.PLACES: {
        "number": _NUMBER,
        "name": ("地点名称", "地点", "名称", "接送点", "接送地点", "接送点名称", "常用地点"),
        "street": _STREET,
        **_POINT,
    },
    SheetKind.SCHOOLS: {
        "number": _NUMBER,
        "name": ("学校名称", "学校", "校名", "名称", "学校全称"),
        "street": _STREET,
        **_POINT,
        "bell": ("到校时间", "上学时间", "上课时间", "早上到校时间", "最晚到校时间", "到校"),
        "dismissal": ("放学时间", "离校时间", "下午放学时间", "放学", "平日放学时间"),
        "friday_dismissal": ("周五放学时间", "星期五放学时间", "周五放学", "周五离校时间", "礼拜五放学时间"),
    },
    SheetKind.TEAMS: {
        "number": _NUMBER,
        "name": ("车队名称", "志愿队名称", "志愿队", "车队", "队名", "队伍名称", "名称"),
        "street": _STREET,
        "leader_name": ("队长", "队长姓名", "负责人", "联系人", "车队长"),
        "leader_phone": (
            "队长电话",
            "队长手机",
            "队长手机号",
            "联系电话",
            "负责人电话",
            "电话",
            "手机号",
            "手机",
        ),
    },
    SheetKind.VOLUNTEERS: {
        "number": _NUMBER,
        "name": ("姓名", "志愿者姓名", "名字", "司机姓名", "护送员姓名", "志愿者"),
        "gender": ("性别", "男/女"),
        "phone": (
            "手机号",
            "手机",
            "手机号码",
            "联系电话",
            "电话",
            "联系方式",
            "电话号码",
            "移动电话",
            "联系手机",
        ),
        "team": ("所属志愿队", "志愿队", "车队", "所属车队", "所在车队", "所在志愿队", "队伍", "所属队伍"),
        "address": ("住址", "家庭住址", "地址", "居住地址", "现住址", "居住地", "家庭地址"),
        **_POINT,
        "plate": ("车牌号", "车牌", "车牌号码", "车号", "号牌", "号牌号码"),
        "car_model": ("车型", "车辆型号", "品牌型号", "车辆品牌", "车辆", "品牌车型"),
        "car_colour": ("颜色", "车身颜色", "车辆颜色", "车色", "车颜色"),
        "seats": (
            "座位数",
            "座位",
            "核定载客",
            "核定载人数",
            "核载人数",
            "座位数含司机",
            "车辆座位数",
            "座位总数",
        ),
        "passenger_seats": (
            "座位数不含司机",
            "可载人数",
            "可坐人数",
            "可载儿童数",
            "乘客座位数",
            "可接送人数",
        ),
        "child_seats": ("儿童座椅数", "儿童座椅", "安全座椅数", "儿童安全座椅", "儿童安全座椅数", "安全座椅"),
        "wheelchair": ("可载轮椅", "能载轮椅", "轮椅", "是否可载轮椅", "能否载轮椅", "可放轮椅"),
        "availability": (
            "可出车时间",
            "可服务时间",
            "出车时间",
            "服务时间",
            "可用时间",
            "空闲时间",
            "可接送时间",
        ),
        "cap_week": (
            "每周最多次数",
            "每周次数",
            "每周上限",
            "周上限",
            "每周最多出车次数",
            "每周最多",
            "每周出车次数",
        ),
        "vetted_on": (
            "无犯罪记录查询日期",
            "无犯罪查询日期",
            "无犯罪记录日期",
            "无犯罪证明日期",
            "无犯罪记录证明日期",
            "从业查询日期",
            "背景审查日期",
        ),
        "licence_until": (
            "驾驶证有效期至",
            "驾照有效期至",
            "驾照有效期",
            "驾驶证有效期",
            "驾照到期日",
            "驾驶证到期日",
        ),
        "insured_until": (
            "座位险有效期至",
            "座位险到期日",
            "座位险有效期",
            "座位险",
            "乘客座位险有效期至",
            "座位险到期",
        ),
        "remark": _REMARK,
    },
    SheetKind.CHILDREN: {
        "number": _NUMBER,
        "name": ("姓名", "儿童姓名", "学生姓名", "孩子姓名", "名字", "护送对象"),
        "gender": ("性别", "男/女"),
        "born_on": ("出生日期", "出生年月日", "生日", "出生年月", "出生"),
        "school": ("学校", "就读学校", "学校名称", "所在学校", "在读学校"),
        "grade": ("年级", "班级", "年级班级", "所在年级"),
        "street": _STREET,
        "address": ("住址", "家庭住址", "地址", "居住地址", "现住址", "居住地", "家庭地址"),
        **_POINT,
        "guardian_name": ("监护人", "监护人姓名", "家长", "家长姓名", "家长/监护人"),
        "relation": ("与儿童关系", "关系", "与孩子关系", "与学生关系", "监护人关系"),
        "guardian_phone": (
            "监护人电话",
            "监护人手机",
            "监护人手机号",
            "家长电话",
            "家长手机",
            "联系电话",
            "手机号",
            "电话",
        ),
        "to_school": ("上学", "接送上学", "送上学", "上学接送", "需送上学", "早上送"),
        "home_again": ("放学", "接放学", "接送放学", "放学接送", "需接放学", "下午接"),
        "weekdays": ("接送日", "接送星期", "接送时间", "每周接送日", "接送日期"),
        "starts_on": ("开始日期", "起始日期", "护送开始日期", "开始", "起始时间"),
        "ends_on": ("结束日期", "截止日期", "护送结束日期", "结束", "终止日期"),
        "needs": ("特殊需求", "特殊需要", "需求", "特殊情况", "护送需求"),
        "diagnosis": ("诊断",),
        "consent_on": (
            "监护人同意书日期",
            "同意书日期",
            "同意书签署日期",
            "知情同意书日期",
            "同意日期",
            "签署日期",
        ),
        "pickup": ("接送地点", "接送点", "上车地点", "接送位置", "上下车地点"),
        "receivers": ("可接回人", "可接收人", "接收人", "可接人", "放学接收人", "代接人"),
        "remark": _REMARK,
    },
    SheetKind.CALENDAR: {
        "number": _NUMBER,
        "kind": ("事项", "类型", "类别", "项目", "校历事项"),
        "starts_on": ("开始日期", "起始日期", "开始", "起", "自", "日期"),
        "ends_on": ("结束日期", "截止日期", "结束", "止", "至", "到"),
        "note": ("说明", "备注", "内容", "描述"),
        "school": ("学校", "适用学校", "学校名称"),
        "at": ("放学时间", "时间", "提前放学时间"),
    },
}

# without these a sheet cannot be read at all
REQUIRED: dict[SheetKind, tuple[str, ...]] = {
    SheetKind.PLACES: ("name", "lat", "lon"),
    SheetKind.SCHOOLS: ("name", "lat", "lon", "bell", "dismissal"),
    SheetKind.TEAMS: ("name",),
    SheetKind.VOLUNTEERS: ("name", "phone", "team"),
    SheetKind.CHILDREN: ("name", "born_on", "school", "guardian_phone", "to_school", "home_again"),
    SheetKind.CALENDAR: ("kind", "starts_on", "ends_on"),
}


@dataclass(frozen=True, slots=True)
class Header:
    """One header row understood: where each of our columns stands, and what it is called there."""

    row: int  # 0-based in the grid
    places: dict[str, tuple[int, ...]]  # our name -> columns; more than one where the header is doubled
    titles: dict[str, str]  # our name -> the header as written
    unknown: tuple[str, ...]
    system: CoordinateSystem | None  # None: latitude and longitude contradict each other
    states_system: bool

    def missing(self, kind: SheetKind) -> tuple[str, ...]:
        return tuple(COLUMNS[kind][name][0] for name in REQUIRED[kind] if name not in self.places)

    def title(self, kind: SheetKind, name: str) -> str:
        return self.titles.get(name) or COLUMNS[kind][name][0]


def read_header(kind: SheetKind, row: int, cells: list[Cell]) -> Header:
    """Return what a row would mean if it were the header of a sheet of this kind."""
    places: dict[str, tuple[int, ...]] = {}
    titles: dict[str, str] = {}
    unknown: list[str] = []
    systems: set[CoordinateSystem | None] = set()
    names = _BY_TITLE[kind]
    for column, cell in enumerate(cells):
        title = read_text(cell)
        if not title or title == PROBLEMS:
            continue
        bare, system = _bare(title)
        name = names.get(bare) or names.get(re.sub(r"\(.*?\)", "", bare))
        if name is None:
            unknown.append(title)
            continue
        if name in ("lat", "lon"):
            systems.add(system)
        places[name] = (*places.get(name, ()), column)
        titles.setdefault(name, title)
    stated = systems - {None}
    agreed = len(systems) <= 1 or (None in systems and len(stated) == 1)
    system = (stated.pop() if stated else CoordinateSystem.WGS84) if agreed else None
    return Header(row, places, titles, tuple(unknown), system, states_system=bool(systems - {None}))


def sheet_kind_by_name(name: str) -> SheetKind | None:
    bare = re.sub(r"[\s\d()年春秋季学期_\-]", "", half_width(read_text(name)))
    for kind, names in SHEET_NAMES.items():
        if bare in names:
            return kind
    return None


def _bare(title: str) -> tuple[str, CoordinateSystem | None]:
    """Return a header in its barest form, and the coordinate system that it names."""
    text = re.sub(r"[\s*:：'\"]", "", half_width(title)).lower()
    system = next((system for pattern, system in _SYSTEMS if pattern.search(text)), None)
    for pattern, _ in _SYSTEMS:
        text = pattern.sub("", text)
    text = text.replace("()", "").strip("_-")
    return text.replace("(不含司机)", "不含司机").replace("(除司机)", "不含司机"), system


_SYSTEMS = (
    (re.compile(r"wgs-?_?84坐标?系?|wgs-?_?84|gps|天地图|大地坐标"), CoordinateSystem.WGS84),
    (
        re.compile(r"gcj-?_?02坐标?系?|gcj-?_?02|火星坐标系?|火星|高德地图|高德|腾讯地图|腾讯"),
        CoordinateSystem.GCJ02,
    ),
    (re.compile(r"bd-?_?09(?:ll)?坐标?系?|百度地图|百度坐标|百度"), CoordinateSystem.BD09),
)
_BY_TITLE: dict[SheetKind, dict[str, str]] = {
    kind: {title.lower(): name for name, titles in columns.items() for title in titles}
    for kind, columns in COLUMNS.items()
}
