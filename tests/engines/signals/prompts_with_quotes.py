"""Prompts with quotes, and what is asked for as text in each.

A row is the prompt, the texts that are asked for, and the quoted parts of which the words do not say whether they are
text. Any other quoted part is a style, a title, a name or a measure.
"""

from __future__ import annotations

Row = tuple[str, tuple[str, ...], tuple[str, ...]]

# Expected decisions that were written down before any code gave an answer.
FIRST: tuple[Row, ...] = (
    # said, read, written
    ('a wooden sign that says "Fresh Eggs" beside a gravel road', ("Fresh Eggs",), ()),
    ('a chalkboard reading "Soup of the Day" in a small café', ("Soup of the Day",), ()),
    ('the word "PEACE" written in the sand by a child', ("PEACE",), ()),
    ('a mug with "World\'s Best Dad" printed on it', ("World's Best Dad",), ()),
    ('neon letters spelling "Midnight Diner" over a wet street', ("Midnight Diner",), ()),
    ('"Happy New Year" in golden balloons above a dance floor', ("Happy New Year",), ()),
    ('a T-shirt with the slogan "Less is more"', ("Less is more",), ()),
    ("a door with a plate, 'Dr. Hall', in brass", ("Dr. Hall",), ()),
    ('a birthday cake with the message "Well done, Sam!" in icing', ("Well done, Sam!",), ()),
    ('a book cover titled "The Quiet Sea"', ("The Quiet Sea",), ()),
    ('movie poster, title: "NIGHT TRAIN", tagline: "No way back"', ("NIGHT TRAIN", "No way back"), ()),
    ('a protest banner: "Save the Bees"', ("Save the Bees",), ()),
    ('a robot holding a card with the text "I am not a robot"', ("I am not a robot",), ()),
    ('a logo for a bakery called "Crumb & Co"', ("Crumb & Co",), ()),
    ('a shop front with "Antiques" above the door', ("Antiques",), ()),
    ('a speech bubble with "Oh no!" over the head of a cat', ("Oh no!",), ()),
    ('a newspaper with the headline "Moon Landing Delayed"', ("Moon Landing Delayed",), ()),
    ('graffiti of the letters "KRONK" on a brick wall', ("KRONK",), ()),
    ("a license plate that reads “B 4721 X”", ("B 4721 X",), ()),
    ('a bottle with a label, "Lemon Fizz", on ice', ("Lemon Fizz",), ()),
    ('infographic with three sections labeled "Plan", "Build" and "Ship"', ("Plan", "Build", "Ship"), ()),
    ('a street sign for "Elm Street" at dusk', ("Elm Street",), ()),
    ('a tattoo that reads "amor fati" on a forearm', ("amor fati",), ()),
    ('the screen of a phone shows "3 missed calls"', ("3 missed calls",), ()),
    ('a comic panel, the hero shouts "Run!"', ("Run!",), ()),
    ("a postcard, “Greetings from Malmö” in big letters", ("Greetings from Malmö",), ()),
    ("a tin box engraved with 'Buttons'", ("Buttons",), ()),
    # styles, titles, names
    ('a village at night in the style of "Starry Night"', (), ()),
    ('a portrait inspired by "Girl with a Pearl Earring"', (), ()),
    ('a cat named "Whiskers" on a red sofa', (), ()),
    ('an old sailor, nicknamed "Salty", mending a net', (), ()),
    ("a so-called 'natural' look, soft make-up, studio light", (), ()),
    ('a scene from the film "The Third Man", wet cobblestones', (), ()),
    ('a character from the game "Hollow Knight" in a forest', (), ()),
    ('the painting "The Hay Wain" hanging in a museum', (), ()),
    ("a 'vintage' bicycle leaning on a wall", (), ()),
    ('a 12" ruler on a desk beside a 7" single', (), ()),
    ("a boy 5'10\" tall beside a 6'2\" man", (), ()),
    ("the dogs' bowls beside the cat's basket, rock 'n' roll on the radio, the '90s", (), ()),
    ('"cyberpunk" style street with rain', (), ()),
    ('a dish known as "shepherd\'s pie" on a blue plate', (), ()),
    ('the dancer performs the "moonwalk" on a stage', (), ()),
    ('illustration of the proverb "a rolling stone gathers no moss"', (), ()),
    ('a ship called "Aurora" in a storm', (), ("Aurora",)),
    ('the planet "Kepler-22b" seen from its moon', (), ("Kepler-22b",)),
    # a style and a text in one prompt
    ('in the style of "Starry Night", a sign says "Open Late"', ("Open Late",), ()),
    ('a dog named "Rex" with a collar tag that reads "REX"', ("REX",), ()),
    ('a poster in "Bauhaus" style with the words "Form follows function"', ("Form follows function",), ()),
    ('a woman reading the book "Middlemarch" under a sign, "Quiet please"', ("Quiet please",), ()),
    ('a 27" monitor that shows the text "Hello, world"', ("Hello, world",), ()),
    # no hint either way
    ('"Silence"', (), ("Silence",)),
    ('a quiet lake at dawn, "Serenity"', (), ("Serenity",)),
    ('"Tea Room" over "Open Daily"', (), ("Tea Room", "Open Daily")),
    # Chinese and Japanese
    ("一块木牌上写着“欢迎光临”,旁边有花", ("欢迎光临",), ()),
    ("海报标题是「夏日音乐节」,背景是海滩", ("夏日音乐节",), ()),
    ("霓虹灯招牌“深夜食堂”,雨夜", ("深夜食堂",), ()),
    ("《星空》风格的村庄夜景", (), ()),
    ("电影《流浪地球》中的一幕", (), ()),
    ("一只名叫“小白”的狗在草地上", (), ()),
    ("所谓的“网红”脸,柔光", (), ()),
    ("书的封面,书名《红楼梦》", ("红楼梦",), ()),
    ("蛋糕上有“生日快乐”四个字", ("生日快乐",), ()),
    ("一个黑板,上面用粉笔写了“好好学习”", ("好好学习",), ()),
    ("看板に「営業中」と書いてある店", ("営業中",), ()),
    ("モナ・リザの「微笑み」を思わせる女性", (), ("微笑み",)),
    # without quotes
    ("a sign saying OPEN on a glass door", ("OPEN",), ()),
    ("a banner with the words GRAND FINALE across the street", ("GRAND FINALE",), ()),
    ("a sign that reads Welcome Home in red", (), ("Welcome Home",)),
    ("a woman reading The Times on a train", (), ()),
    ("a man says hello to a dog", (), ()),
    ("a mailbox by the road", (), ()),
)
