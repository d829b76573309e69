"""Numbers, boxes and units as a text writes them, and the words around them.

Nothing is computed here.

spellings     signs and letters that are written in more ways than one
numerals      numbers in plain text
units         words that may stand after a number
groups        braces, and boxes
sentences     words that change what follows them
before        text that makes a number or a box a part of something
last_number   the last number of a text
"""
