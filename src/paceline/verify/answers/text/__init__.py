"""Numbers, boxes and units as a text writes them, and the words around them.

Nothing is computed here.

spellings     signs and letters that are written in more ways than one
numerals      what a number is
units         what may stand behind a number
groups        braces, and boxes
sentences     words that change what follows them
before        what may stand before a number or a box without making it a part of something
last_number   the last number of a text
"""
