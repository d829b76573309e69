"""What a text writes: numbers, boxes, units, and what stands around them. Nothing is computed.

spellings     signs and letters that are written in more ways than one
numerals      what a number is
units         what may stand behind a number
groups        braces, and boxes
sentences     words that change what follows them
before        what may stand before a number or a box without making it a part of something
last_number   the last number of a text
"""
