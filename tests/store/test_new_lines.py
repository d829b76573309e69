"""The new lines of a file that another process appends to."""

from paceline.store.new_lines import NewLines


def test_each_line_is_read_once_and_only_when_it_is_whole(tmp_path):
    path = tmp_path / "lines.jsonl"
    lines = NewLines(path)
    assert list(lines) == []  # no file yet
    path.write_text('{"step": 1}\n{"step": 2}\n{"ste')
    assert list(lines) == [{"step": 1}, {"step": 2}]
    with path.open("a") as file:
        file.write('p": 3}\nnot json\n[4]\n{"step": 5}\n')
    assert list(lines) == [{"step": 3}, {"step": 5}]
    assert list(lines) == []


def test_a_reader_that_stops_half_way_goes_on_there(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n')
    lines = NewLines(path)
    assert next(iter(lines)) == {"step": 1}
    assert list(lines) == [{"step": 2}]


def test_a_file_that_was_taken_back_is_read_from_its_beginning(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n')
    lines = NewLines(path)
    assert len(list(lines)) == 2
    path.write_text('{"step": 1}\n')
    assert list(lines) == [{"step": 1}]
