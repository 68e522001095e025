"""Forms of verbs that no cut ending brings back to their verb.

Not those that are words of their own, too: left, saw, found, rose, shot, light, bit, thought.
"""

LINES = """
begin began begun
bend bent
blow blew blown
break broke broken
bring brought
build built
buy bought
catch caught
choose chose chosen
come came
dig dug
do does did done doing
draw drew drawn
drink drank drunk
drive drove driven
eat ate eaten
fall fell fallen
feed fed
feel felt
fight fought
fly flew flown
forget forgot forgotten
get got gotten
give gave given
go goes went gone going
grow grew grown
hang hung
have has had having
hear heard
hide hid hidden
hold held
keep kept
kneel knelt
know knew known
lay laid
lead led
lean leant
lie lain lying
lose lost
make made
meet met
pay paid
ride rode ridden
ring rang
run ran
say said
see seen
sell sold
send sent
shake shook shaken
sing sang sung
sit sat
sleep slept
slide slid
speak spoke spoken
spend spent
spin spun
stand stood
steal stole stolen
stick stuck
strike struck
sweep swept
swim swam swum
swing swung
take took taken
teach taught
tear tore torn
tell told
throw threw thrown
wake woke woken
wear wore worn
win won
write wrote written
"""
IRREGULAR = {form: line.split()[0] for line in LINES.split("\n") for form in line.split()[1:]}
