"""Chat templates of other people's: those that open the reasoning, and those that refuse what they
were not written for."""

TURNS = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\nOPENED{% endif %}"
)
"""Plain turns; OPENED stands where an answer begins."""
OPENS_THINK = TURNS.replace("OPENED", "<think>\n")
LAST_IS_THE_USERS = (
    "{% if messages[-1]['role'] != 'user' %}"
    "{{ raise_exception('the last turn must be the user turn') }}{% endif %}"
) + TURNS.replace("OPENED", "")
SYSTEM_FIRST = (
    "{% if messages[0]['role'] != 'system' %}"
    "{{ raise_exception('the first turn must be the system turn') }}{% endif %}"
) + TURNS.replace("OPENED", "")
