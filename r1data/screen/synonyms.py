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
collide collision
react reaction
relate relationship relation
attempt try
grab pick take
remove removal
gaze look stare watch
speak talk
throw toss
hop jump leap
halt stop
go move travel
bounce rebound
big large
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
man gentleman guy
woman lady
child kid
person people anybody anyone individual somebody someone
gray grey
refrigerator fridge
near nearby
stationary motionless
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

# Forms that no cut ending brings back to their verb. Not "left" and "saw", which are things, too.
IRREGULAR_LINES = """
begin began begun
break broke broken
bring brought
build built
buy bought
catch caught
child children
choose chose chosen
come came
draw drew drawn
drink drank drunk
drive drove driven
eat ate eaten
fall fell fallen
feel felt
fly flew flown
get got gotten
give gave given
go went gone
grow grew grown
hide hid hidden
hold held
keep kept
kneel knelt
lead led
lean leant
lie lay lain lying
lose lost
man men
meet met
pay paid
ride rode ridden
run ran
sell sold
shake shook shaken
sing sang sung
sit sat
sleep slept
speak spoke spoken
stand stood
sweep swept
swim swam swum
take took taken
teach taught
throw threw thrown
wake woke woken
wear wore worn
win won
woman women
write wrote written
"""
IRREGULAR = {
    form: line.split()[0] for line in IRREGULAR_LINES.split("\n") for form in line.split()[1:]
}

# What happens, of the first words of the lines above: where it stands in a question is free.
ACTIONS = ("enter", "leave", "grab", "gaze", "speak", "throw", "hop", "go", "bounce")
# A word more on one side is a longer way to ask the same, but not one of these: "the shape" and
# "the last shape" are two, and so are "why" and "how", whatever follows.
TURNING_LINES = """
leave begin conclude halt first last after before not no never without except other opposite
left right up down above below under over inside outside top bottom front behind least most fewest
fastest slowest biggest littlest tallest shortest longest closest nearest farthest reverse backwards
off stop second third why where who whom whose manner number color material
"""
TURNING = TURNING_LINES.split()
# Two of these do not change places: from left to right is not from right to left.
SIDES = (
    *("left", "right", "up", "down", "top", "bottom", "front", "behind", "above", "below"),
    *("inside", "outside", "over", "under", "first", "last", "before", "after", "off", "no", "not"),
)
# A clause that begins with one of these may stand before or behind what it belongs to.
HINGE = ("after", "before", "when", "while", "if", "without", "during", "since", "once", "as")
