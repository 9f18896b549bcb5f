"""Every message, word for word, with what it costs as SMS."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from escort import spoken, wording
from escort.rota.fitness import OFFICE_WORDS, SUSPENDED, YES_ANSWERS
from escort.rota.shown import CHANGED
from escort.spoken import Half, Turn, Way
from escort.wording import WHY_NOT_TAKEN
from notifications.templates import sms_segments
from notifications.wording import Wording
from scheduling.feasibility import BOOKED, STANDING

ZONE = ZoneInfo("Asia/Shanghai")
LINK = "https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA"
DUTY = "199 0000 0001"


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2021, 4, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


NOW = at(8, 18)  # a Thursday
MONDAY = Turn(at(12, 7, 45), "to_school", "望溪镇")
WEDNESDAY = Turn(at(14, 16), "home", "望溪镇")
THURSDAY = Turn(at(15, 7, 30), "to_school", "望溪镇")
TOMORROW = Turn(at(9, 7, 45), "to_school", "望溪镇")
TOMORROW_BACK = Turn(at(9, 16), "home", "望溪镇")
MORNING = Half(at(9, 7, 45), "to_school", "周", "I86", "蓝色风筝")
AFTERNOON = Half(at(9, 16), "home", "唐", "O44", "绿色竹子")
OPEN = Half(at(9, 16), "home", told_by=at(8, 20))

MESSAGES = [
    (
        wording.family_erased("周同学", duty_phone=DUTY),
        1,
        "【杜鹃鸟】您撤回了同意，周同学的姓名、地址等资料我们已经删掉，只留不带姓名的接送次数。有疑问请打199 0000 0001。",
    ),
    (
        wording.number_changing(at(9, 18), duty_phone=DUTY, now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】有人请我们把发给您的短信改发到另一个号码，明天18:00起改。不是您要改的，请回“不是我”，或打199 0000 0001。",
    ),
    (
        wording.number_kept(duty_phone=DUTY),
        1,
        "【杜鹃鸟】知道了，号码没有改，还是发到这个手机。值班老师会再问您，也可以打199 0000 0001。",
    ),
    (
        wording.month_question(date(2021, 5, 1), link=LINK),
        2,
        "【杜鹃鸟】5月您哪天不方便接送？哪天都方便请回“没有”；有不方便的，回日子，像“5月3日 5月6日”，或者点链接填。没回就照平时的日子问您。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.month_none_understood(date(2021, 5, 1), duty_phone=DUTY),
        1,
        "【杜鹃鸟】记下了：5月没有不方便的日子，谢谢您。有变化请再告诉我们，或打199 0000 0001。",
    ),
    (
        wording.month_dates_understood(
            [(date(2021, 5, 3), date(2021, 5, 3)), (date(2021, 5, 10), date(2021, 5, 12))],
            freed=1,
            duty_phone=DUTY,
        ),
        1,
        "【杜鹃鸟】记下了：5月3日、5月10日到5月12日不请您接送。其中答应过的1趟，我们另外找人。记错了请打199 0000 0001。",
    ),
    (
        wording.month_dates_understood([(date(2021, 5, 3), date(2021, 5, 3))], freed=0, duty_phone=DUTY),
        1,
        "【杜鹃鸟】记下了：5月3日不请您接送。记错了请打199 0000 0001。",
    ),
    (
        wording.papers_soon(
            [("驾驶证", date(2021, 6, 5), 60), ("座位险", date(2021, 5, 6), 30)], duty_phone=DUTY
        ),
        2,
        "【杜鹃鸟】您登记的驾驶证6月5日到期（还有60天），座位险5月6日到期（还有30天）。过了那天就不能请您开车了，新的办好请告诉值班老师，或打199 0000 0001。",
    ),
    (
        wording.rotation_set(date(2021, 5, 10), None, freed=2, duty_phone=DUTY),
        1,
        "【杜鹃鸟】值班老师记下了：5月10日起加入轮值。答应过的2趟不用您去了。不是您的意思，请打199 0000 0001。",
    ),
    (
        wording.rotation_set(None, date(2021, 6, 1), freed=0, duty_phone=DUTY),
        1,
        "【杜鹃鸟】值班老师记下了：6月1日起退出轮值，不再来问您。不是您的意思，请打199 0000 0001。",
    ),
    (
        wording.rotation_set(None, None, freed=0, duty_phone=DUTY),
        1,
        "【杜鹃鸟】值班老师记下了：您一直在轮值里。不是您的意思，请打199 0000 0001。",
    ),
    (
        wording.family_arrived_ask(["韩同学"], at(8, 16, 36), duty_phone=DUTY, link=LINK, zone=ZONE),
        2,
        "【杜鹃鸟】司机报已送到：韩同学，下午4点36。到家了请回1；没到请回2，或马上打199 0000 0001。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.family_arrived(["韩同学", "韩同学"]),
        1,
        "【杜鹃鸟】记下了：韩同学已送达。谢谢您说一声。",
    ),
    (
        wording.family_not_home(["韩同学"], duty_phone=DUTY),
        1,
        "【杜鹃鸟】知道了，韩同学还没到家。值班老师马上查，也请您打199 0000 0001。",
    ),
    (
        wording.routine_ask([MONDAY, WEDNESDAY, THURSDAY], deadline=at(9, 20), link=LINK, now=NOW, zone=ZONE),
        2,
        "【杜鹃鸟】您好，下周3趟：周一07:45上学，周三16:00放学，周四07:30上学，望溪镇一带。都能去回1，都不行回2，只周三不行回“2周三”。明天20:00前回。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.routine_ask([MONDAY], deadline=at(9, 20), link=LINK, now=NOW, zone=ZONE),
        2,
        "【杜鹃鸟】您好，下周1趟：周一07:45上学，望溪镇一带。能去回1，去不了回2。明天20:00前回就好。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.week_message([], [MONDAY, WEDNESDAY], deadline=at(9, 20), link=LINK, now=NOW, zone=ZONE),
        2,
        "【杜鹃鸟】您好，下周固定的2趟照常：周一07:45上学，周三16:00放学，望溪镇一带。不用回；只周三不行回“2周三”，都不行回2，明天20:00前回。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.week_message([], [MONDAY], deadline=at(9, 20), link=LINK, now=NOW, zone=ZONE),
        2,
        "【杜鹃鸟】您好，下周固定的1趟照常：周一07:45上学，望溪镇一带。不用回；不行请回2，明天20:00前回。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.week_message(
            [MONDAY], [WEDNESDAY, THURSDAY], deadline=at(9, 20), link=LINK, now=NOW, zone=ZONE
        ),
        3,
        "【杜鹃鸟】您好，下周问您1趟：周一07:45上学，望溪镇一带；固定的照常：周三16:00放学，周四07:30上学。都能去回1，只周三不行回“2周三”，回2是全都不行，固定的也算。明天20:00前回。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.standing_given(2, "to_school", time(7, 45)),
        2,
        "【杜鹃鸟】值班老师记下了：每周三07:45上学您固定来，以后这一趟每周只告诉您，不再问。时间、地点、孩子有变，调休，放假后头一天，都另外问您。不是您的意思，请回“不固定 周三上学”，或告诉值班老师。",
    ),
    (
        wording.standing_said(2, "to_school", time(7, 45)),
        2,
        "【杜鹃鸟】记下了：每周三07:45上学您固定来，以后这一趟每周只告诉您，不再问；哪一周不行，照样回一声。时间、地点、孩子有变，调休，放假后头一天，都另外问您。不想固定了，回“不固定 周三上学”。",
    ),
    (
        wording.standing_stopped(2, "to_school", time(7, 45), given_back=[], duty_phone=DUTY),
        1,
        "【杜鹃鸟】记下了：每周三07:45上学不再固定，以后每周照旧先问您。",
    ),
    (
        wording.standing_stopped(
            2,
            "to_school",
            time(7, 45),
            given_back=[date(2021, 4, 14), date(2021, 4, 21)],
            duty_phone=DUTY,
        ),
        2,
        "【杜鹃鸟】记下了：每周三07:45上学不再固定，以后每周照旧先问您。按固定算的4月14日、4月21日不用您去了，我们另外请人；那几天其实还去，请打199 0000 0001。",
    ),
    (
        wording.standing_choices([(2, "to_school", time(7, 45)), (4, "home", time(16, 0))]),
        2,
        "【杜鹃鸟】可以每周固定来的：每周三07:45上学、每周五16:00放学。要固定哪一趟，就回那一趟，像“固定 周三上学”；不回，照旧每周先问您。",
    ),
    (
        wording.standing_held([(2, "to_school", time(7, 45))]),
        1,
        "【杜鹃鸟】您现在固定来的：每周三07:45上学。要停哪一趟，就回那一趟，像“不固定 周三上学”。",
    ),
    (
        wording.standing_none_yet(duty_phone=DUTY),
        1,
        "【杜鹃鸟】现在还没有可以每周固定来的：您接送过、孩子也认识您的那一趟才可以。有疑问请打199 0000 0001。",
    ),
    (
        wording.standing_not_held(duty_phone=DUTY),
        1,
        "【杜鹃鸟】您现在没有每周固定来的班，每周都先问您。有疑问请打199 0000 0001。",
    ),
    (
        wording.standing_ended(2, "to_school", time(7, 45)),
        1,
        "【杜鹃鸟】值班老师记下了：每周三07:45上学不再固定，以后每周照旧先问您。",
    ),
    (
        wording.couple_ask(
            TOMORROW,
            who="陈姐",
            drives=True,
            to_area="郫筒街道",
            km=16.4,
            equipment="",
            deadline=at(8, 20),
            link=LINK,
            now=NOW,
            zone=ZONE,
        ),
        3,
        "【杜鹃鸟】有人临时去不了，这趟要两个大人。明天07:45上学，望溪镇一带到郫筒街道，16公里。请您开车，您家里姓陈的一起去：能去回1，去不了回2；您两位都答应才算，20:00前先答应的去。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.couple_waits([TOMORROW], now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】记下了，您愿意去：明天07:45上学。等您家里那位也答应了才算，定下来马上告诉您。",
    ),
    (
        wording.couple_goes(TOMORROW, now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】您两位都答应了：明天07:45上学请您两位去。谢谢您。前一天17:00起，链接里看得到名字和地点。",
    ),
    (
        wording.couple_stays(TOMORROW, now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】谢谢您愿意去。明天07:45上学这趟，您家里那位去不了、没有回，或者别人先答应了，这次不用您去。",
    ),
    (
        wording.stand_in_ask(
            TOMORROW,
            to_area="柳荫街道",
            km=9.2,
            equipment="儿童座椅",
            deadline=at(8, 18, 20),
            link=LINK,
            now=NOW,
            zone=ZONE,
        ),
        2,
        "【杜鹃鸟】有人临时去不了。明天07:45上学，望溪镇一带到柳荫街道，9公里，要儿童座椅。能去回1，去不了回2；18:20前先答应的去。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.relief_ask(
            TOMORROW,
            who="",
            to_area="柳荫街道",
            km=9.2,
            equipment="",
            deadline=at(8, 20),
            link=LINK,
            now=NOW,
            zone=ZONE,
        ),
        2,
        "【杜鹃鸟】有人想请人替一趟。明天07:45上学，望溪镇一带到柳荫街道，9公里。能去回1，去不了回2；20:00前先答应的去。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.relief_ask(
            TOMORROW,
            who="欧阳敏",
            to_area="柳荫街道",
            km=9.2,
            equipment="儿童座椅",
            deadline=at(8, 20),
            link=LINK,
            now=NOW,
            zone=ZONE,
        ),
        2,
        "【杜鹃鸟】姓欧阳的志愿者想请您替一趟。明天07:45上学，望溪镇一带到柳荫街道，9公里，要儿童座椅。能去回1，去不了回2；20:00前回就好，您答应以前还是他去。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.swap_ask(TOMORROW, THURSDAY, who="王建国", deadline=at(8, 20), link=LINK, now=NOW, zone=ZONE),
        2,
        "【杜鹃鸟】姓王的志愿者想跟您换：您去明天07:45上学（望溪镇一带），他去您的下周四07:30上学。愿意换回1，不换回2；20:00前回就好，您答应以前都照原来的。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.nobody_stands_in(TOMORROW, duty_phone=DUTY, now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】明天07:45上学这趟还没找到人替，现在还是您去。真去不了，请马上打199 0000 0001。",
    ),
    (
        wording.colleague_cannot(TOMORROW, duty_phone=DUTY, now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】明天07:45上学这趟，您找的人去不了或没有回，现在还是您去。可以再找别人；真去不了请打199 0000 0001。",
    ),
    (
        wording.swap_done(TOMORROW, THURSDAY, now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】换好了：明天07:45上学不用您去了，您改去下周四07:30上学。名字和地点，前一天17:00起看链接。谢谢您。",
    ),
    (
        wording.swap_off(TOMORROW, THURSDAY, now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】明天07:45上学、下周四07:30上学没有换成，两边都照原来的。",
    ),
    (
        wording.asked_again(
            [wording.Changed(TOMORROW, at(9, 8))], deadline=at(8, 20), link=LINK, now=NOW, zone=ZONE
        ),
        2,
        "【杜鹃鸟】明天上学改到07:45（原来08:00），望溪镇一带。之前说的不算了，请重新回一次：能去回1，去不了回2。20:00前回就好。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.asked_again(
            [wording.Changed(TOMORROW, TOMORROW.starts_at, is_elsewhere=True)],
            deadline=at(8, 20),
            link=LINK,
            now=NOW,
            zone=ZONE,
        ),
        2,
        "【杜鹃鸟】明天07:45上学换了地方，望溪镇一带。之前说的不算了，请重新回一次：能去回1，去不了回2。20:00前回就好。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.asked_again(
            [wording.Changed(MONDAY, at(12, 8)), wording.Changed(WEDNESDAY, at(14, 17), is_elsewhere=True)],
            deadline=at(9, 20),
            link=LINK,
            now=NOW,
            zone=ZONE,
        ),
        3,
        "【杜鹃鸟】2趟有变：下周一上学改到07:45（原来08:00）；下周三放学改到16:00（原来17:00），地方也换了，望溪镇一带。之前说的不算了，请重新回一次：都能去回1，都不行回2，只周三不行回“2周三”。明天20:00前回。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.ask_understood_yes([MONDAY, WEDNESDAY], now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】记下了，您能去：下周一07:45上学、周三16:00放学。谢谢您。前一天17:00起，链接里看得到名字和地点。",
    ),
    (
        wording.ask_understood_no([MONDAY, WEDNESDAY], now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】记下了，您去不了：下周一07:45上学、周三16:00放学。没关系，我们另外请人。",
    ),
    (
        wording.ask_understood_partly([MONDAY, THURSDAY], [WEDNESDAY], now=NOW, zone=ZONE),
        2,
        "【杜鹃鸟】记下了，能去：下周一07:45上学、周四07:30上学；去不了：下周三16:00放学。谢谢您。前一天17:00起，链接里看得到名字和地点。",
    ),
    (
        wording.yes_not_taken([TOMORROW], "wheelchair", now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】谢谢您回话。明天07:45上学这次不用您去：这趟要能载轮椅的车。有疑问请问值班老师。",
    ),
    (
        wording.yes_not_taken([TOMORROW], "changed", now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】谢谢您回话。明天07:45上学刚有变化，和问您时不一样了，您的答应先不算，我们马上按现在的再问您。",
    ),
    (
        wording.offer_taken(TOMORROW, now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】谢谢您。明天07:45上学这趟已有别的志愿者先答应了，这次不用您去。",
    ),
    (
        wording.driver_late_reply_truth(TOMORROW, now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】谢谢您回话。明天07:45上学这趟已由他人接送，您不用去。",
    ),
    (
        wording.reply_ask_back([WEDNESDAY], now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】收到不等于能去。下周三16:00放学：能去请回1，去不了请回2。",
    ),
    (
        wording.reply_which_ask(2, duty_phone=DUTY, link=LINK),
        2,
        "【杜鹃鸟】现在有2件事等您回话，不知道您回的是哪一件。请在链接里分别回，或打199 0000 0001。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.reply_passed_on(duty_phone=DUTY),
        1,
        "【杜鹃鸟】您的话已交给值班老师，看到就回您。着急请打199 0000 0001。",
    ),
    (wording.late_thanks(), 1, "【杜鹃鸟】谢谢您回话。那几趟已经另外安排好了，您不用去，下次再请您。"),
    (
        wording.stand_down(TOMORROW, reason="已由他人接送", now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】明天07:45上学这趟不用您去了：已由他人接送。谢谢您。",
    ),
    (
        wording.shift_cancelled_by_family(TOMORROW, now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】明天07:45上学这趟，家里说不用接了，您不用去。谢谢您。",
    ),
    (
        wording.fewer_children(TOMORROW, left=2, now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】明天07:45上学这趟有1个孩子不用接，还有2个照常。顺序看链接。",
    ),
    (
        wording.evening_reminder_driver(
            [TOMORROW_BACK, TOMORROW], duty_phone=DUTY, link=LINK, now=NOW, zone=ZONE
        ),
        2,
        "【杜鹃鸟】明天请您接送：07:45上学、16:00放学，望溪镇一带。名字和地点看链接。临时去不了请马上打199 0000 0001。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.morning_reminder_driver(TOMORROW, link=LINK, zone=ZONE),
        2,
        "【杜鹃鸟】今天07:45上学，望溪镇一带。出发前点一下链接里的“出发”，路上不用看手机。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.driver_not_departed(TOMORROW, duty_phone=DUTY, link=LINK, zone=ZONE),
        2,
        "【杜鹃鸟】07:45上学这趟该出发了。已出发请停稳后点“出发”，去不了请马上打199 0000 0001。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.suspended_notice(2, duty_phone=DUTY),
        1,
        "【杜鹃鸟】您的接送先暂停，已答应的2趟不用去了，原来的链接也停用。有疑问请打199 0000 0001。",
    ),
    (
        wording.family_tomorrow("杨同学", [MORNING], link=LINK, now=NOW, zone=ZONE),
        2,
        "【杜鹃鸟】杨同学明天：早上7点45，姓周的志愿者来接，车牌尾号I86，暗号蓝色风筝。暗号对不上不上车。都不用接请回2。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.family_tomorrow("杨同学", [MORNING, AFTERNOON], link=LINK, now=NOW, zone=ZONE),
        3,
        "【杜鹃鸟】杨同学明天：早上7点45，姓周的志愿者来接，车牌尾号I86，暗号蓝色风筝；下午4点放学，姓唐的志愿者送回家，车牌尾号O44，暗号绿色竹子。暗号对不上不上车。都不用接请回2。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.family_tomorrow("杨同学", [MORNING, OPEN], link=LINK, now=NOW, zone=ZONE),
        3,
        "【杜鹃鸟】杨同学明天：早上7点45，姓周的志愿者来接，车牌尾号I86，暗号蓝色风筝；下午4点放学谁来还没定，晚上8点前告诉您。暗号对不上不上车；没定的那趟，没收到消息前不要交给任何人。都不用接请回2。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.family_tomorrow("小禾", [OPEN], link=LINK, now=NOW, zone=ZONE),
        2,
        "【杜鹃鸟】小禾明天下午4点放学还没找到人，正在找。最晚晚上8点再告诉您。没收到消息前，请不要把孩子交给任何人。不用接请回2。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.family_searching("杨同学", OPEN, gone="", link=LINK, now=NOW, zone=ZONE),
        2,
        "【杜鹃鸟】杨同学明天下午4点放学还没找到人，正在找。最晚晚上8点再告诉您。没收到消息前，请不要把孩子交给任何人。不用接请回2。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.family_searching("杨同学", OPEN, gone="周", link=LINK, now=NOW, zone=ZONE),
        2,
        "【杜鹃鸟】杨同学明天：姓周的志愿者来不了，请不要再把孩子交给他。下午4点放学还没找到人，正在找。最晚晚上8点再告诉您。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.family_nobody("杨同学", MORNING, duty_phone=DUTY, zone=ZONE),
        1,
        "【杜鹃鸟】很抱歉，杨同学今天早上7点45没有找到人来接。先别让孩子在外面等，值班老师会联系您，也可以打199 0000 0001。",
    ),
    (
        wording.family_nobody("杨同学", AFTERNOON, duty_phone=DUTY, zone=ZONE),
        1,
        "【杜鹃鸟】很抱歉，杨同学今天下午4点放学没有找到人送。孩子先留在学校，值班老师会联系您，也可以打199 0000 0001。",
    ),
    (
        wording.family_today_changed("杨同学", MORNING, gone="欧阳", link=LINK, now=at(9, 7), zone=ZONE),
        2,
        "【杜鹃鸟】换人了。杨同学今天早上7点45，姓周的志愿者来接，车牌尾号I86，暗号蓝色风筝。原来姓欧阳的不算数了，请不要再把孩子交给他。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.family_today_changed("杨同学", MORNING, gone="", link=LINK, now=NOW, zone=ZONE),
        2,
        "【杜鹃鸟】找到人了。杨同学明天早上7点45，姓周的志愿者来接，车牌尾号I86，暗号蓝色风筝。暗号对不上不上车。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.family_car_changed("杨同学", MORNING, link=LINK, now=NOW, zone=ZONE),
        2,
        "【杜鹃鸟】换车了，人没有换。杨同学明天早上7点45，姓周的志愿者来接，车牌尾号I86，暗号蓝色风筝。原来的车牌不算数了，暗号对不上不上车。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.family_time_changed("杨同学", MORNING, link=LINK, now=NOW, zone=ZONE),
        2,
        "【杜鹃鸟】接送有变。杨同学明天早上7点45，姓周的志愿者来接，车牌尾号I86，暗号蓝色风筝。原来的时间和暗号不算数了。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.family_asked_again(
            "杨同学",
            Half(at(8, 14, 30), "home", told_by=at(8, 14, 10)),
            was=at(8, 16),
            link=LINK,
            now=at(8, 11),
            zone=ZONE,
        ),
        2,
        "【杜鹃鸟】杨同学今天放学改到下午2点30（原来下午4点），原来的人和暗号不算数，正在重新问司机，最晚下午2点10告诉您谁来。没收到消息前，不要把孩子交给任何人。不用接请回2。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.family_asked_again(
            "杨同学", Half(at(9, 8, 45), "to_school"), was=at(9, 7, 45), link=LINK, now=NOW, zone=ZONE
        ),
        2,
        "【杜鹃鸟】杨同学明天改到早上8点45来接（原来早上7点45），原来的人和暗号不算数，正在重新问司机。没收到消息前，不要把孩子交给任何人。不用接请回2。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.family_asked_again("杨同学", OPEN, was=OPEN.at, link=LINK, now=NOW, zone=ZONE),
        2,
        "【杜鹃鸟】杨同学明天下午4点放学的安排有变，原来的人和暗号不算数，正在重新问司机，最晚晚上8点告诉您谁来。没收到消息前，不要把孩子交给任何人。不用接请回2。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.family_next_term("杨同学", date(2021, 7, 9), duty_phone=DUTY, link=LINK),
        2,
        "【杜鹃鸟】杨同学的接送到7月9日为止。下学期还要接送吗？要回1，不要了回2，或在链接里点一下，也可以打199 0000 0001。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.family_next_term_understood("杨同学", wants=True, duty_phone=DUTY),
        1,
        "【杜鹃鸟】记下了：杨同学下学期还要接送，定好了会告诉您。改主意请打199 0000 0001。",
    ),
    (
        wording.family_next_term_understood("杨同学", wants=False, duty_phone=DUTY),
        1,
        "【杜鹃鸟】记下了：杨同学下学期不用接送。改主意请打199 0000 0001。",
    ),
    (
        wording.family_paused("杨同学", date(2021, 4, 9), back_on=date(2021, 4, 10), duty_phone=DUTY),
        1,
        "【杜鹃鸟】记下了：杨同学到4月9日都不用接送，4月10日起照常。改主意请打199 0000 0001。",
    ),
    (
        wording.family_afternoon("杨同学", AFTERNOON, duty_phone=DUTY, link=LINK, now=NOW, zone=ZONE),
        2,
        "【杜鹃鸟】杨同学明天早上不用接，记下了。下午4点放学还要接吗？要接回1，不用接回2；没回就照常来，也可以打199 0000 0001。https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.family_afternoon_kept("杨同学", AFTERNOON, duty_phone=DUTY, zone=ZONE),
        1,
        "【杜鹃鸟】记下了：杨同学下午4点放学照常来接。改主意请打199 0000 0001。",
    ),
    (
        wording.family_cancel_understood("杨同学", [MORNING, AFTERNOON], duty_phone=DUTY, now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】记下了：杨同学明天早上7点45、下午4点放学不用接，司机和校门马上知道。改主意请打199 0000 0001。",
    ),
    (
        wording.family_page("杨同学", link="https://dj/f/x"),
        2,
        "【杜鹃鸟】杨同学的接送页面：谁来接、什么车、几点，临时不用接也在上面点。头一次打开请点“这是我的手机”。"
        "只给您一个人用。https://dj/f/x",
    ),
    (
        wording.family_office_cancelled("杨同学", AFTERNOON, duty_phone=DUTY, now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】值班老师记下了：杨同学明天下午4点放学不用接，不会有车来。不是您的意思，请马上打199 0000 0001。",
    ),
    (
        wording.family_not_coming("杨同学", AFTERNOON, duty_phone=DUTY, now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】杨同学明天下午4点放学不用接，不会有车来。有疑问请打199 0000 0001。",
    ),
    (
        wording.case_to_duty(
            "小禾4月9日07:45上学还没有人", minutes_left=20, link="https://dj.pidu.gov.cn/today"
        ),
        2,
        "【杜鹃鸟】急事：小禾4月9日07:45上学还没有人，还有20分钟。没人接手会再发。接手：https://dj.pidu.gov.cn/today",
    ),
    (
        wording.case_to_duty(
            "4月22日有1家还没打通知电话：小杰", minutes_left=675, link="https://dj.pidu.gov.cn/today"
        ),
        2,
        "【杜鹃鸟】急事：4月22日有1家还没打通知电话：小杰，还有11小时。没人接手会再发。接手：https://dj.pidu.gov.cn/today",
    ),
    (
        wording.cases_to_duty(
            3, "小禾07:45上学，过了5分钟还没有“接到”", minutes_left=-5, link="https://dj.pidu.gov.cn/today"
        ),
        2,
        "【杜鹃鸟】3件急事，最急：小禾07:45上学，过了5分钟还没有“接到”，已过5分钟。没人接手会再发。接手：https://dj.pidu.gov.cn/today",
    ),
    (
        wording.second_factor_reset(duty_phone=DUTY),
        1,
        "【杜鹃鸟】您的两步登录刚被取消，所有电脑上的登录也已结束。不是您请人办的，请马上打199 0000 0001。",
    ),
    (
        wording.device_bound(duty_phone=DUTY),
        1,
        "【杜鹃鸟】一部手机刚认作您的。不是您本人，请马上打199 0000 0001，我们把它取消。",
    ),
    (
        wording.one_time_code("482913"),
        1,
        "【杜鹃鸟】验证码482913，10分钟内有效。请不要告诉任何人，我们也不会来要。",
    ),
    (
        wording.leader_made("石桥车队", link=LINK),
        2,
        "【杜鹃鸟】您是石桥车队的队长了。本队缺的班、队员和新队员在这里，链接只给您一个人用：https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.leader_ended("石桥车队", duty_phone=DUTY),
        1,
        "【杜鹃鸟】石桥车队的队长页面从现在起不再由您用了。谢谢您。有疑问请打199 0000 0001。",
    ),
    (
        wording.leader_holes("石桥车队", 3, TOMORROW, link=LINK, now=NOW, zone=ZONE),
        2,
        "【杜鹃鸟】石桥车队两天内还有3趟没人开，最近是明天07:45上学。问队员、记一个答应：https://dj.pidu.gov.cn/v/7Kq2mXb9TzQ4wLp8RfN1cA",
    ),
    (
        wording.answer_recorded(
            "何青松", TOMORROW, yes=True, how="phone", duty_phone=DUTY, now=NOW, zone=ZONE
        ),
        1,
        "【杜鹃鸟】何青松队长记下：您在电话里说明天07:45上学能去。谢谢您。不是您说的请马上打199 0000 0001。",
    ),
    (
        wording.answer_recorded(
            "何青松", TOMORROW, yes=False, how="in_person", duty_phone=DUTY, now=NOW, zone=ZONE
        ),
        1,
        "【杜鹃鸟】何青松队长记下：您当面说明天07:45上学去不了，这趟不再问您。不是您说的请打199 0000 0001。",
    ),
    (
        wording.brought_in("何青松", duty_phone=DUTY),
        1,
        "【杜鹃鸟】何青松队长替您报了名当接送志愿者。审核和证件登记好以前，不会请您出车。不愿意请打199 0000 0001。",
    ),
    (
        wording.introduction_recorded(
            "何青松",
            TOMORROW,
            other="罗晓云",
            is_newcomer=True,
            how="wechat",
            duty_phone=DUTY,
            now=NOW,
            zone=ZONE,
        ),
        1,
        "【杜鹃鸟】何青松队长记下：您在微信里说明天07:45上学跟姓罗的志愿者的车认路。见面地点问队长。不是您说的请打199 0000 0001。",
    ),
    (
        wording.introduction_recorded(
            "何青松",
            TOMORROW,
            other="高思齐",
            is_newcomer=False,
            how="phone",
            duty_phone=DUTY,
            now=NOW,
            zone=ZONE,
        ),
        1,
        "【杜鹃鸟】何青松队长记下：您在电话里说明天07:45上学带一位姓高的新志愿者同车认路。不是您说的请打199 0000 0001。",
    ),
    (
        wording.introduction_off(TOMORROW, duty_phone=DUTY, now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】明天07:45上学同车认路的事取消了，开车的照常。有疑问请打199 0000 0001。",
    ),
    (
        wording.family_accompanied("杨同学", MORNING, newcomer="高思齐", duty_phone=DUTY, now=NOW, zone=ZONE),
        1,
        "【杜鹃鸟】杨同学明天早上7点45，还是姓周的志愿者开车，另有一位姓高的新志愿者同车认路。不愿意请打199 0000 0001。",
    ),
    (
        wording.family_not_accompanied(
            "杨同学", AFTERNOON, newcomer="高思齐", duty_phone=DUTY, now=NOW, zone=ZONE
        ),
        1,
        "【杜鹃鸟】杨同学明天下午4点放学，姓高的新志愿者不同车了。来接的人看最近一条消息。有疑问请打199 0000 0001。",
    ),
    (
        wording.family_new_face("杨同学", newcomer="高思齐", duty_phone=DUTY),
        1,
        "【杜鹃鸟】以后接送杨同学的，添了一位同车见过面的姓高的志愿者。不愿意请打199 0000 0001。",
    ),
]

SENTENCES = [
    (
        wording.case_arrival_unsaid("小禾", at(8, 16, 36), zone=ZONE),
        "小禾：司机报16:36已送到，家里还没说到家，请打电话问一声",
    ),
    (wording.case_not_home("小禾", "家里"), "小禾：司机报已送到，家里说没到家。马上核实孩子在哪里"),
    (
        wording.call_about_arrival(["小禾", "小禾"], at(8, 16, 36), zone=ZONE),
        "司机说下午4点36已经把小禾送到家了。小禾到家了吗？现在跟谁在一起？",
    ),
    (wording.case_no_driver(["小禾", "石头"], TOMORROW, zone=ZONE), "小禾、石头4月9日07:45上学还没有人"),
    (
        wording.case_no_driver(["一一", "二二", "三三", "四四"], TOMORROW, zone=ZONE),
        "一一、二二、三三等4人4月9日07:45上学还没有人",
    ),
    (
        wording.case_no_answer(["小禾"], TOMORROW, asked=4, zone=ZONE),
        "小禾4月9日07:45上学问了4人，还没有人答应",
    ),
    (wording.case_unfillable(6, date(2021, 4, 12)), "4月12日有6段，按现在的条件没有人开得了"),
    (wording.case_not_planned(6, date(2021, 4, 12)), "4月12日有6段还没排，或排了还没公布"),
    (
        wording.case_not_departed("周敏", ["小禾"], TOMORROW, zone=ZONE),
        "小禾07:45上学，姓周的司机到点没报出发，问过本人还没有新消息",
    ),
    (
        wording.case_not_aboard("周敏", "小禾", TOMORROW, zone=ZONE),
        "小禾07:45上学，过了5分钟还没有“接到”；姓周的司机没有新消息",
    ),
    (
        wording.case_not_delivered("周敏", "小禾", at(9, 16, 37), zone=ZONE),
        "小禾应在16:37送到，过了10分钟还没有“送达”；姓周的司机没有新消息",
    ),
    (wording.case_kept_on_road("小禾"), "小禾已在车上，刚才的改动没有撤掉这趟，请打电话跟到送达"),
    (
        wording.case_aboard_without_driver("小禾", at(9, 16, 37), zone=ZONE),
        "小禾在车上，这趟却没有司机了（该16:37送达），马上打电话找到孩子",
    ),
    (wording.case_wrong_person("小禾", "家里"), "家里说：来接小禾的不是这个人。先不交接，马上核实"),
    (wording.case_held_at_gate("小禾", ""), "门卫：小禾先不放"),
    (
        wording.case_early_dismissal("银杏特殊教育学校", time(11, 0), "", ""),
        "学校报：银杏特殊教育学校全校今天11:00提前放学，等您确认",
    ),
    (
        wording.case_early_dismissal("古镇小学", time(11, 0), "三年级", "停水"),
        "学校报：古镇小学三年级今天11:00提前放学，等您确认（停水）",
    ),
    (wording.case_held_at_gate(None, "说是叔叔"), "门卫：有名单上没有的人来接，先不放（说是叔叔）"),
    (
        wording.case_boarded_with_replaced("小禾", "周敏"),
        "姓周的司机报了“接到”小禾，但这趟已不是他的。马上核实孩子在谁车上",
    ),
    (
        wording.case_suspended_on_road("周敏", ["小禾"]),
        "姓周的司机已停用，但正带着小禾在路上，请打电话跟到送达",
    ),
    (wording.case_trouble("周敏", ["小禾"], "车坏了"), "姓周的司机报有事：车坏了（小禾）"),
    (wording.case_message_failed("小禾家里", "too_late"), "给小禾家里的消息没送到（too_late），请打电话告诉"),
    (
        wording.case_not_told(date(2021, 4, 9), ["石头", "小禾", "豆豆", "安安"]),
        "4月9日有4家还没打通知电话：石头、小禾、豆豆等4人",
    ),
    (wording.case_reply_unclear("姓周的志愿者"), "姓周的志愿者回了一句话，系统没看懂，请您看一下"),
    (wording.case_stuck_work("发消息"), "“发消息”反复办不成，已放在一边，请告诉系统管理员"),
]


CALLS = [
    (
        [Way("小禾", MORNING, "白色轿车"), Way("小禾", AFTERNOON)],
        "明天早上7点45，姓周的志愿者来接小禾，白色轿车，车牌尾号I86。暗号是“蓝色风筝”，请司机先说，对不上不上车。"
        "下午4点放学，姓唐的志愿者送小禾回家，车牌尾号O44。暗号是“绿色竹子”，请司机先说，对不上不上车。",
    ),
    (  # nobody yet, and by when we ring again
        [Way("小禾", OPEN)],
        "明天下午4点放学，送小禾回家的人还没找到，最晚晚上8点再打给您。没接到电话，不要把孩子交给任何人。",
    ),
    (  # whoever was named is no longer valid, and nobody is found
        [Way("小禾", Half(at(9, 7, 45), "to_school"), gone="周")],
        "明天早上7点45，姓周的不来了，不要再把孩子交给他。接小禾的人还没找到，值班老师会再打给您。"
        "没接到电话，不要把孩子交给任何人。",
    ),
    (  # somebody else
        [Way("小禾", Half(at(9, 7, 45), "to_school", "唐", "O44"), "黑色商务车", gone="周")],
        "明天早上7点45换人了：姓周的不来了，不要再把孩子交给他。改由姓唐的志愿者来接小禾，黑色商务车，车牌尾号O44。",
    ),
    (  # the same driver at another time
        [Way("小禾", Half(at(9, 7, 10), "to_school", "周", "I86"), is_moved=True)],
        "明天早上7点10，时间改过了，姓周的志愿者来接小禾，车牌尾号I86。",
    ),
    ([Way("小禾", MORNING, is_off=True)], "明天早上7点45，小禾不用接，不会有车来。"),
    (  # a yes for a day so far ahead that no name may be said
        [Way("小禾", Half(at(15, 7, 45), "to_school"), is_settled=True)],
        "下周四早上7点45，接小禾的人定好了，前一天再告诉您是谁。",
    ),
]
"""What is said on the phone, without a word pair unless the office has opened it."""


@pytest.mark.parametrize(("ways", "text"), CALLS)
def test_a_call_is_said_in_whole_sentences(ways: list[Way], text: str) -> None:
    assert wording.call_to_family(ways, is_proxy=False, now=NOW, zone=ZONE) == text
    assert wording.call_to_family(ways, is_proxy=True, now=NOW, zone=ZONE) == f"{text}请您转告小禾家里。"


@pytest.mark.parametrize(("message", "segments", "text"), MESSAGES)
def test_message_reads_word_for_word(message: Wording, segments: int, text: str) -> None:
    assert message.text == text
    assert sms_segments(message.text) == segments
    assert wording.all_templates().faults_of(message) == []


@pytest.mark.parametrize(("sentence", "text"), SENTENCES)
def test_sentence_of_the_queue_reads_word_for_word(sentence: str, text: str) -> None:
    assert sentence == text


def test_every_registered_text_is_tried_here() -> None:
    tried = {message.key for message, _, _ in MESSAGES}

    assert tried == set(wording.TEXTS)


def test_every_message_is_signed_and_polite() -> None:
    for text in wording.TEXTS.values():
        assert text.startswith("【杜鹃鸟】")
        assert "!" not in text
        assert "！" not in text


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (at(9, 7, 45), "早上7点45"),
        (at(9, 9, 5), "上午9点05"),
        (at(9, 12), "中午12点"),
        (at(9, 12, 10), "中午12点10"),
        (at(9, 16), "下午4点"),
        (at(9, 18, 30), "晚上6点30"),
        (at(9, 0, 30), "凌晨0点30"),
    ],
)
def test_families_read_twelve_hour_words(when: datetime, words: str) -> None:
    assert spoken.family_clock(when, ZONE) == words


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (at(8, 20), "今天"),
        (at(9, 8), "明天"),
        (at(11, 8), "周日"),
        (at(12, 8), "下周一"),
        (at(18, 8), "下周日"),
        (at(19, 8), "4月19日"),
        (at(7, 8), "4月7日"),
    ],
)
def test_a_day_is_named_as_people_name_it(when: datetime, words: str) -> None:
    assert spoken.day(when, NOW, ZONE) == words


@pytest.mark.parametrize(
    ("name", "surname"),
    [("周敏", "周"), ("欧阳小明", "欧阳"), ("欧阳", "欧"), ("上官云", "上官"), ("司马", "司")],
)
def test_surname_of_a_name(name: str, surname: str) -> None:
    assert spoken.surname_of(name) == surname


def test_a_child_without_full_name_keeps_its_short_name() -> None:
    assert spoken.child_in_message(None, "小禾") == "小禾"
    assert spoken.child_in_message("杨小禾", "小禾") == "杨同学"


def test_plate_tail_is_its_last_three_characters() -> None:
    assert spoken.plate_tail("川A·I2O44") == "O44"
    assert spoken.plate_tail("") == ""


def test_many_turns_are_all_named() -> None:
    week = [Turn(at(day, 7, 45), "to_school") for day in range(12, 17)]
    week += [Turn(at(day, 16), "home") for day in range(12, 17)]

    ask = wording.routine_ask(week, deadline=at(9, 20), link=LINK, now=NOW, zone=ZONE)

    assert "周一07:45上学、16:00放学，周二07:45上学、16:00放学" in ask.text
    assert wording.all_templates().faults_of(ask) == []


@pytest.mark.parametrize(
    ("full_name", "short_name", "said"),
    [
        ("杨雨桐", "小雨", "杨同学"),
        ("欧阳雨", "小雨", "欧阳同学"),
        (None, "小雨", "小雨"),  # six fields only: the name comes with the consent
        ("小杰", "小杰", "小杰"),  # the book has nothing but the 小名
    ],
)
def test_a_child_in_a_message_is_its_surname_or_its_small_name(
    full_name: str | None, short_name: str, said: str
) -> None:
    assert spoken.child_in_message(full_name, short_name) == said


def test_every_hard_rule_has_its_words_for_whoever_said_yes_and_for_the_office() -> None:
    judged = {rule.value for rule in (*STANDING, *BOOKED)} - YES_ANSWERS | {SUSPENDED, CHANGED}

    assert judged <= WHY_NOT_TAKEN.keys()
    assert judged <= OFFICE_WORDS.keys()
