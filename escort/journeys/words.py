"""The two words by which a driver and the one who hands a child over know each other: 蓝色 风筝.

The pair is derived from a key, the shift and the leg, and never stored. A new shift has a new pair, so the words of
a driver who was replaced die in the same transaction as his shift. Every word is two characters that a grandmother
in Sichuan says and hears easily; none is sad, and no two of a list sound alike there
(n and l, zh and z, n and ng at the end, hu and f are one sound).
"""

from notifications.sealed import Keyring


def word_pair(keyring: Keyring, shift_id: int, leg_id: int) -> tuple[str, str]:
    """Return the pair of this shift and this leg; one of 4,096, the same whenever it is asked for."""
    number = int(keyring.index(f"word-pair:{shift_id}:{leg_id}")[:12], 16)
    return FIRST[number % len(FIRST)], SECOND[number // len(FIRST) % len(SECOND)]


def spoken_pair(keyring: Keyring, shift_id: int, leg_id: int) -> str:
    """Return the pair as one word: 蓝色风筝."""
    return "".join(word_pair(keyring, shift_id, leg_id))


FIRST_WORDS = (
    "红色黄色蓝色绿色白色紫色金色橙色"
    "高高小小大大圆圆弯弯长长胖胖亮亮"
    "甜甜香香脆脆暖暖软软轻轻厚厚方方"
    "春天夏天秋天冬天天上海上山顶云里"
    "木头竹编布做纸做玻璃毛线丝绸泥巴"
    "一个两只三朵五条六本七盏八筐九颗"
    "会飞会唱会跳爱笑爱吃爱睡爱画爱玩"
    "条纹格子花边点点闪闪毛毛卷卷尖尖"
)
SECOND_WORDS = (
    "风筝太阳月亮星星白云彩虹雪花春雨"
    "苹果西瓜荔枝香蕉葡萄草莓樱桃核桃"
    "白菜萝卜土豆番茄南瓜玉米花生豆芽"
    "熊猫小兔小狗小猫老虎大象猴子白鹅"
    "蝴蝶蜜蜂蜻蜓喜鹊燕子孔雀金鱼青蛙"
    "竹子荷花桂花石榴松树柳树稻谷蘑菇"
    "雨伞书包铅笔皮球围巾手套灯笼钥匙"
    "电灯算盘飞机轮船大桥铃铛口琴面条"
)
"""No place where a car could wait, no time, no relative, no car: a word must not sound like a message."""

FIRST = tuple(FIRST_WORDS[start : start + 2] for start in range(0, len(FIRST_WORDS), 2))
SECOND = tuple(SECOND_WORDS[start : start + 2] for start in range(0, len(SECOND_WORDS), 2))
