"""The texts as Chinese SMS providers approve them, word by word: text, longest length, and values to look at them with.

`wording` fills them in. A changed text must be approved anew (`docs/adr/0031`), so a change here is a change of service.
"""

TEXTS = {
    "ask.routine": (
        "【杜鹃鸟】您好，{week}{count}趟：{turns}。都能去回1，都不行回2，"
        "只{example}不行回“2{example}”。{deadline}前回。{link}"
    ),
    "ask.routine_one_day": (
        "【杜鹃鸟】您好，{week}{count}趟：{turns}。能去回1，去不了回2。{deadline}前回就好。{link}"
    ),
    "ask.routine_and_usual": (
        "【杜鹃鸟】您好，{week}问您{count}趟：{turns}；固定的照常：{usual}。都能去回1，只{example}不行回“2{example}”，"
        "回2是全都不行，固定的也算。{deadline}前回。{link}"
    ),
    "ask.as_usual": (
        "【杜鹃鸟】您好，{week}固定的{count}趟照常：{turns}。不用回；只{example}不行回“2{example}”，都不行回2，{deadline}前回。{link}"
    ),
    "ask.as_usual_one_day": (
        "【杜鹃鸟】您好，{week}固定的{count}趟照常：{turns}。不用回；不行请回2，{deadline}前回。{link}"
    ),
    "standing.given": (
        "【杜鹃鸟】值班老师记下了：{turn}您固定来，以后这一趟每周只告诉您，不再问。"
        "时间、地点、孩子有变，调休，放假后头一天，都另外问您。不是您的意思，请回“不固定 {short}”，或告诉值班老师。"
    ),
    "standing.said": (
        "【杜鹃鸟】记下了：{turn}您固定来，以后这一趟每周只告诉您，不再问；哪一周不行，照样回一声。"
        "时间、地点、孩子有变，调休，放假后头一天，都另外问您。不想固定了，回“不固定 {short}”。"
    ),
    "standing.stopped": "【杜鹃鸟】记下了：{turn}不再固定，以后每周照旧先问您。{given_back}",
    "standing.choices": (
        "【杜鹃鸟】可以每周固定来的：{turns}。要固定哪一趟，就回那一趟，像“固定 {short}”；不回，照旧每周先问您。"
    ),
    "standing.held": "【杜鹃鸟】您现在固定来的：{turns}。要停哪一趟，就回那一趟，像“不固定 {short}”。",
    "standing.none_yet": (
        "【杜鹃鸟】现在还没有可以每周固定来的：您接送过、孩子也认识您的那一趟才可以。有疑问请打{phone}。"
    ),
    "standing.not_held": "【杜鹃鸟】您现在没有每周固定来的班，每周都先问您。有疑问请打{phone}。",
    "standing.ended": "【杜鹃鸟】值班老师记下了：{turn}不再固定，以后每周照旧先问您。",
    "ask.stand_in": "【杜鹃鸟】有人临时去不了。{turn}，{what}。能去回1，去不了回2；{deadline}前先答应的去。{link}",
    "ask.couple": (
        "【杜鹃鸟】有人临时去不了，这趟要两个大人。{turn}，{what}。请您{role}，您家里姓{who}的一起去：能去回1，去不了回2；"
        "您两位都答应才算，{deadline}前先答应的去。{link}"
    ),
    "couple.waits": "【杜鹃鸟】记下了，您愿意去：{turns}。等您家里那位也答应了才算，定下来马上告诉您。",
    "couple.goes": (
        "【杜鹃鸟】您两位都答应了：{turn}请您两位去。谢谢您。前一天17:00起，链接里看得到名字和地点。"
    ),
    "couple.stays": "【杜鹃鸟】谢谢您愿意去。{turn}这趟，您家里那位去不了、没有回，或者别人先答应了，这次不用您去。",
    "ask.relief": "【杜鹃鸟】有人想请人替一趟。{turn}，{what}。能去回1，去不了回2；{deadline}前先答应的去。{link}",
    "ask.colleague": (
        "【杜鹃鸟】姓{who}的志愿者想请您替一趟。{turn}，{what}。能去回1，去不了回2；{deadline}前回就好，您答应以前还是他去。{link}"
    ),
    "ask.swap": (
        "【杜鹃鸟】姓{who}的志愿者想跟您换：您去{take}，他去您的{give}。愿意换回1，不换回2；{deadline}前回就好，您答应以前都照原来的。{link}"
    ),
    "relief.nobody": "【杜鹃鸟】{turn}这趟还没找到人替，现在还是您去。真去不了，请马上打{phone}。",
    "relief.colleague_cannot": (
        "【杜鹃鸟】{turn}这趟，您找的人去不了或没有回，现在还是您去。可以再找别人；真去不了请打{phone}。"
    ),
    "swap.done": "【杜鹃鸟】换好了：{away}不用您去了，您改去{instead}。名字和地点，前一天17:00起看链接。谢谢您。",
    "swap.off": "【杜鹃鸟】{turns}没有换成，两边都照原来的。",
    "ask.changed": (
        "【杜鹃鸟】{turns}。之前说的不算了，请重新回一次：能去回1，去不了回2。{deadline}前回就好。{link}"
    ),
    "ask.changed_days": (
        "【杜鹃鸟】{count}趟有变：{turns}。之前说的不算了，请重新回一次：都能去回1，都不行回2，"
        "只{example}不行回“2{example}”。{deadline}前回。{link}"
    ),
    "ask.yes": "【杜鹃鸟】记下了，您能去：{turns}。谢谢您。前一天17:00起，链接里看得到名字和地点。",
    "ask.no": "【杜鹃鸟】记下了，您去不了：{turns}。没关系，我们另外请人。",
    "ask.partly": "【杜鹃鸟】记下了，能去：{yes}；去不了：{no}。谢谢您。前一天17:00起，链接里看得到名字和地点。",
    "ask.not_taken": "【杜鹃鸟】谢谢您回话。{turns}这次不用您去：{reason}。有疑问请问值班老师。",
    "ask.again": "【杜鹃鸟】谢谢您回话。{turns}刚有变化，和问您时不一样了，您的答应先不算，我们马上按现在的再问您。",
    "offer.taken": "【杜鹃鸟】谢谢您。{turn}这趟已有别的志愿者先答应了，这次不用您去。",
    "offer.late": "【杜鹃鸟】谢谢您回话。{turn}这趟已由他人接送，您不用去。",
    "reply.ask_back": "【杜鹃鸟】收到不等于能去。{turns}：能去请回1，去不了请回2。",
    "reply.which": "【杜鹃鸟】现在有{asks}件事等您回话，不知道您回的是哪一件。请在链接里分别回，或打{phone}。{link}",
    "reply.passed_on": "【杜鹃鸟】您的话已交给值班老师，看到就回您。着急请打{phone}。",
    "reply.late_thanks": "【杜鹃鸟】谢谢您回话。那几趟已经另外安排好了，您不用去，下次再请您。",
    "driver.stand_down": "【杜鹃鸟】{turn}这趟不用您去了：{reason}。谢谢您。",
    "driver.family_cancelled": "【杜鹃鸟】{turn}这趟，家里说不用接了，您不用去。谢谢您。",
    "driver.fewer_children": "【杜鹃鸟】{turn}这趟有1个孩子不用接，还有{left}个照常。顺序看链接。",
    "driver.evening": "【杜鹃鸟】{day}请您接送：{turns}。名字和地点看链接。临时去不了请马上打{phone}。{link}",
    "driver.morning": "【杜鹃鸟】今天{turn}。出发前点一下链接里的“出发”，路上不用看手机。{link}",
    "driver.not_departed": "【杜鹃鸟】{turn}这趟该出发了。已出发请停稳后点“出发”，去不了请马上打{phone}。{link}",
    "driver.suspended": "【杜鹃鸟】您的接送先暂停，已答应的{shifts}趟不用去了，原来的链接也停用。有疑问请打{phone}。",
    "driver.rotation": "【杜鹃鸟】值班老师记下了：{dates}。{freed}不是您的意思，请打{phone}。",
    "month.question": (
        "【杜鹃鸟】{month}您哪天不方便接送？哪天都方便请回“没有”；有不方便的，回日子，像“{example}”，"
        "或者点链接填。没回就照平时的日子问您。{link}"
    ),
    "month.none": "【杜鹃鸟】记下了：{month}没有不方便的日子，谢谢您。有变化请再告诉我们，或打{phone}。",
    "month.dates": "【杜鹃鸟】记下了：{days}不请您接送。{freed}记错了请打{phone}。",
    "papers.soon": "【杜鹃鸟】您登记的{papers}。过了那天就不能请您开车了，新的办好请告诉值班老师，或打{phone}。",
    "family.tomorrow": "【杜鹃鸟】{child}{day}：{halves}。暗号对不上不上车。都不用接请回2。{link}",
    "family.tomorrow_open": (
        "【杜鹃鸟】{child}{day}：{halves}。暗号对不上不上车；没定的那趟，没收到消息前不要交给任何人。都不用接请回2。{link}"
    ),
    "family.searching": (
        "【杜鹃鸟】{child}{day}{halves}。没收到消息前，请不要把孩子交给任何人。不用接请回2。{link}"
    ),
    "family.lost_driver": (
        "【杜鹃鸟】{child}{day}：姓{gone}的志愿者来不了，请不要再把孩子交给他。{halves}。{link}"
    ),
    "family.nobody": (
        "【杜鹃鸟】很抱歉，{child}今天{at}没有找到人来接。先别让孩子在外面等，值班老师会联系您，也可以打{phone}。"
    ),
    "family.nobody_home": (
        "【杜鹃鸟】很抱歉，{child}今天{at}放学没有找到人送。孩子先留在学校，值班老师会联系您，也可以打{phone}。"
    ),
    "family.changed": "【杜鹃鸟】换人了。{child}{day}{half}。原来姓{gone}的不算数了，请不要再把孩子交给他。{link}",
    "family.found": "【杜鹃鸟】找到人了。{child}{day}{half}。暗号对不上不上车。{link}",
    "family.time_changed": "【杜鹃鸟】接送有变。{child}{day}{half}。原来的时间和暗号不算数了。{link}",
    "family.car_changed": (
        "【杜鹃鸟】换车了，人没有换。{child}{day}{half}。原来的车牌不算数了，暗号对不上不上车。{link}"
    ),
    "family.asked_again": (
        "【杜鹃鸟】{child}{day}{change}，原来的人和暗号不算数，正在重新问司机{by}。"
        "没收到消息前，不要把孩子交给任何人。不用接请回2。{link}"
    ),
    "family.page": (
        "【杜鹃鸟】{child}的接送页面：谁来接、什么车、几点，临时不用接也在上面点。"
        "头一次打开请点“这是我的手机”。只给您一个人用。{link}"
    ),
    "family.next_term": (
        "【杜鹃鸟】{child}的接送到{day}为止。下学期还要接送吗？要回1，不要了回2，或在链接里点一下，也可以打{phone}。{link}"
    ),
    "family.next_term_yes": "【杜鹃鸟】记下了：{child}下学期还要接送，定好了会告诉您。改主意请打{phone}。",
    "family.next_term_no": "【杜鹃鸟】记下了：{child}下学期不用接送。改主意请打{phone}。",
    "family.paused": "【杜鹃鸟】记下了：{child}到{until}都不用接送，{back}起照常。改主意请打{phone}。",
    "family.afternoon": (
        "【杜鹃鸟】{child}{day}早上不用接，记下了。{half}还要接吗？要接回1，不用接回2；没回就照常来，也可以打{phone}。{link}"
    ),
    "family.afternoon_kept": "【杜鹃鸟】记下了：{child}{half}照常来接。改主意请打{phone}。",
    "family.cancelled": "【杜鹃鸟】记下了：{child}{day}{halves}不用接，司机和校门马上知道。改主意请打{phone}。",
    "family.office_cancelled": (
        "【杜鹃鸟】值班老师记下了：{child}{day}{half}不用接，不会有车来。不是您的意思，请马上打{phone}。"
    ),
    "family.not_coming": "【杜鹃鸟】{child}{day}{half}不用接，不会有车来。有疑问请打{phone}。",
    "family.arrived_ask": "【杜鹃鸟】司机报已送到：{child}，{at}。到家了请回1；没到请回2，或马上打{phone}。{link}",
    "family.arrived": "【杜鹃鸟】记下了：{child}已送达。谢谢您说一声。",
    "family.not_home": "【杜鹃鸟】知道了，{child}还没到家。值班老师马上查，也请您打{phone}。",
    "family.accompanied": (
        "【杜鹃鸟】{child}{day}{half}，还是姓{driver}的志愿者开车，另有一位姓{newcomer}的新志愿者同车认路。不愿意请打{phone}。"
    ),
    "family.not_accompanied": (
        "【杜鹃鸟】{child}{day}{half}，姓{newcomer}的新志愿者不同车了。来接的人看最近一条消息。有疑问请打{phone}。"
    ),
    "family.new_face": "【杜鹃鸟】以后接送{child}的，添了一位同车见过面的姓{newcomer}的志愿者。不愿意请打{phone}。",
    "leader.made": "【杜鹃鸟】您是{team}的队长了。本队缺的班、队员和新队员在这里，链接只给您一个人用：{link}",
    "leader.ended": "【杜鹃鸟】{team}的队长页面从现在起不再由您用了。谢谢您。有疑问请打{phone}。",
    "leader.holes": "【杜鹃鸟】{team}两天内还有{count}趟没人开，最近是{turn}。问队员、记一个答应：{link}",
    "answer.recorded_yes": "【杜鹃鸟】{who}队长记下：您{how}说{turn}能去。谢谢您。不是您说的请马上打{phone}。",
    "answer.recorded_no": "【杜鹃鸟】{who}队长记下：您{how}说{turn}去不了，这趟不再问您。不是您说的请打{phone}。",
    "volunteer.brought_in": (
        "【杜鹃鸟】{who}队长替您报了名当接送志愿者。审核和证件登记好以前，不会请您出车。不愿意请打{phone}。"
    ),
    "introduction.newcomer": (
        "【杜鹃鸟】{who}队长记下：您{how}说{turn}跟姓{other}的志愿者的车认路。见面地点问队长。不是您说的请打{phone}。"
    ),
    "introduction.driver": (
        "【杜鹃鸟】{who}队长记下：您{how}说{turn}带一位姓{other}的新志愿者同车认路。不是您说的请打{phone}。"
    ),
    "introduction.off": "【杜鹃鸟】{turn}同车认路的事取消了，开车的照常。有疑问请打{phone}。",
    "family.erased": (
        "【杜鹃鸟】您撤回了同意，{child}的姓名、地址等资料我们已经删掉，只留不带姓名的接送次数。有疑问请打{phone}。"
    ),
    "case.one": "【杜鹃鸟】急事：{sentence}{left}。没人接手会再发。接手：{link}",
    "case.many": "【杜鹃鸟】{count}件急事，最急：{sentence}{left}。没人接手会再发。接手：{link}",
    "number.changing": (
        "【杜鹃鸟】有人请我们把发给您的短信改发到另一个号码，{when}起改。不是您要改的，请回“不是我”，或打{phone}。"
    ),
    "number.kept": "【杜鹃鸟】知道了，号码没有改，还是发到这个手机。值班老师会再问您，也可以打{phone}。",
    "second_factor.reset": "【杜鹃鸟】您的两步登录刚被取消，所有电脑上的登录也已结束。不是您请人办的，请马上打{phone}。",
    "device.bound": "【杜鹃鸟】一部手机刚认作您的。不是您本人，请马上打{phone}，我们把它取消。",
    "device.code": "【杜鹃鸟】验证码{code}，{minutes}分钟内有效。请不要告诉任何人，我们也不会来要。",
}
"""Each text as it is registered with the providers; 【杜鹃鸟】 is the registered signature."""

MAX_SEGMENTS = {
    "ask.routine": 4,
    "ask.routine_one_day": 3,
    "ask.routine_and_usual": 5,
    "ask.as_usual": 4,
    "ask.as_usual_one_day": 3,
    "ask.stand_in": 3,
    "ask.couple": 3,
    "ask.relief": 3,
    "ask.colleague": 3,
    "ask.swap": 3,
    "ask.changed": 3,
    "ask.changed_days": 4,
    "ask.partly": 3,
    "driver.evening": 3,
    "family.tomorrow": 3,
    "family.tomorrow_open": 3,
    "family.searching": 3,
    "family.lost_driver": 3,
    "family.accompanied": 3,
    "family.not_accompanied": 3,
    "family.asked_again": 3,
    "case.one": 3,
    "case.many": 3,
}

EXAMPLES = {
    "asks": "2",
    "at": "早上8点",
    "away": "周三07:45上学",
    "back": "4月10日",
    "before": "周三16:00放学",
    "by": "，最晚14:10再告诉您",
    "change": "改在14:30放学",
    "child": "陈同学",
    "code": "482913",
    "count": "3",
    "dates": "5月1日起",
    "day": "明天",
    "days": "5月3日、5月6日",
    "deadline": "明天20:00",
    "driver": "王",
    "example": "周三",
    "freed": "2",
    "give": "周五16:00放学",
    "given_back": "按固定算的4月14日不用您去了，我们另外请人；那几天其实还去，请打028 8700 0000。",
    "gone": "王",
    "half": "今天早上7点45",
    "halves": "早上7点45，姓王的志愿者来接，暗号蓝色风筝；下午4点放学，姓李的志愿者送回家，暗号三朵苹果",
    "how": "电话里",
    "instead": "周四16:00放学",
    "left": "还有38分钟",
    "link": "https://dj.example.cn/v/" + "0" * 22,
    "minutes": "10",
    "month": "5",
    "newcomer": "孙",
    "no": "周三07:45上学",
    "other": "李",
    "papers": "座位险还有30天",
    "phone": "028 8700 0000",
    "reason": "已由他人接送",
    "role": "同车照看",
    "sentence": "小杰4月8日07:45上学还没有人",
    "shifts": "3",
    "short": "周三上学",
    "take": "周四16:00放学",
    "team": "唐昌古镇车队",
    "turn": "周三07:45上学",
    "turns": "周一07:45上学，周三16:00放学，周五07:45上学，唐昌街道一带",
    "until": "4月9日",
    "usual": "周二07:45上学",
    "week": "下周",
    "what": "唐昌街道一带到郫筒街道，16公里，要儿童座椅",
    "when": "明天18:00",
    "who": "陈",
    "yes": "周一07:45上学、周五07:45上学",
}
"""A value of usual length for every parameter: for previews, and for whoever hands the templates in."""
