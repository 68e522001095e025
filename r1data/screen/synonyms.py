"""Words that questions about clips use for one another.

A short list on purpose. Only words stand in one line that can take each other's place in a question
whatever else it says: of two rows on one clip with one truth, such a change is a change of wording.
What asks for another thing (man, woman), another end (first, last; enter, leave) or another side
never shares a line, nor does a word with two senses of which one would turn a question over (close,
right, left, light).
"""

LINES = """
enter appear arrival arrive come emerge entrance entry
leave depart departure disappear exit vanish
begin commence start
conclude end finish
first earliest initial initially
last final finally latest lastly
after afterwards following subsequently
before previously prior
during while whilst
happen occur
attempt try
grab pick take
gaze look stare watch
speak talk
throw toss
hop jump leap
halt stop
go move travel
bounce rebound
against off
big huge large
biggest largest
little small tiny
littlest smallest tiniest
fast quick quickly rapid rapidly swift swiftly
faster quicker swifter
fastest quickest swiftest
farthest furthest
color colour hue
direction way
motive purpose reason why
number amount count many
different distinct
shape figure form
anybody anyone individual person somebody someone
man gentleman guy
woman lady
child kid
baby infant
automobile car
bicycle bike
couch sofa
television tv
phone telephone
road street
border edge
center centre middle
location position
kind sort type
order sequence
"""
GROUPS = tuple(line.split() for line in LINES.split("\n") if line)

# What happens, of the first words of the lines above: where it stands in a question is free.
ACTIONS = "enter leave grab gaze speak throw hop go bounce".split()
# A word more on one side is a longer way to ask the same, but not one of these: "the shape" and
# "the last shape" are two.
TURNING = """
leave begin conclude halt first last after before not no never without except other opposite
left right up down above below under over inside outside top bottom front behind least most fewest
fastest slowest biggest littlest tallest shortest longest closest nearest farthest reverse backwards
""".split()
