"""The label table: CSV, TSV or what spreadsheets export, joined to the files of the source."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from gist.errors import InputError
from gist.intake.attributes import attribute, may_filter
from gist.intake.filter_expression import Filter
from gist.intake.label_paths import normal_path, rows_of_files
from gist.intake.parts import Part, part_of
from gist.intake.picture import Side, body_side
from gist.intake.source import Listing
from gist.intake.subgroups import check_categories
from gist.numerals import counted
from gist.stages.prepare import PrepareConfig

_MAX_BYTES = 256 << 20
_DELIMITERS = (",", ";", "\t", "|")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_MOST_ACCENTS = 3
"""In a row within a Western word."""
_PERSONAL = frozenset({"name", "dob", "birthdate", "mrn"})
"""Columns of a person beside those called like a DICOM attribute of one."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; empty cells are None."""

    label: str | None
    patient: str | None
    split: Part | None
    side: Side | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    """What a filter asks for, by the name it uses."""
    groups: tuple[str, ...] = ()
    """Its category in each of `prepare.subgroup_columns`, empty where it has none."""


@dataclass(frozen=True)
class LabelTable:
    """Rows by file as the table names it."""

    rows: dict[str, Row]
    filter_names: frozenset[str] = frozenset()
    """Names of the filter that are columns."""
    split_words: frozenset[str] = frozenset()
    """What the column of a ready-made split says, in small letters."""

    def match(self, relative_paths: list[str]) -> tuple[list[Row | None], list[Row]]:
        """The row of each file: by its path, without its ending, or by its bare name where that is unmistakable; and
        the rows that mean no file.

        Raises:
            InputError: no file of the source is in the table, one row fits several files, or different rows one.
        """
        found, of_folders = rows_of_files(self.rows, relative_paths)
        used = Counter(path for paths in found for path in paths)
        if not used:
            raise InputError(
                "None of the files that the label table names is in prepare.source; its file column must "
                "hold paths relative to that folder."
            )
        if any(self.rows[path] != self.rows[paths[0]] for paths in found for path in paths):
            raise InputError(
                "Rows of the label table with different values fit the same file of the source; write paths "
                "relative to prepare.source, with the file's ending."
            )
        ambiguous = sum(1 for count in used.values() if count > 1)
        if ambiguous and not of_folders:
            rows = counted(ambiguous, "row of the label table fits", "rows of the label table fit")
            raise InputError(
                f"{rows} several files of the source each; write paths "
                "relative to prepare.source, with the file's ending."
            )
        absent = [row for path, row in self.rows.items() if path not in used]
        return [self.rows[paths[0]] if paths else None for paths in found], absent


def find_label_table(labels: Path, listing: Listing) -> tuple[bytes, Listing]:
    """The table's bytes and the source without the table; it may lie in the source or anywhere else.

    Raises:
        InputError: it is in neither place, cannot be read or is too large.
    """
    inside = _inside(labels, listing)
    if inside is not None:
        return listing.read(inside, _MAX_BYTES), listing.without(inside)
    try:
        if not labels.is_file():
            raise OSError
        if labels.stat().st_size > _MAX_BYTES:
            raise InputError(f"The label table {labels} is larger than {_MAX_BYTES >> 20} MiB; check it.")
        return labels.read_bytes(), listing
    except OSError:
        raise InputError(
            f"There is no label table {labels}, neither in prepare.source nor as a path; check prepare.labels."
        ) from None


def read_label_table(
    table: bytes, config: PrepareConfig, *, with_classes: bool = True, chosen: Filter | None = None
) -> LabelTable:
    """Reads the table; comma, semicolon, tab or bar separated, UTF-8, UTF-16 or Windows-1252.

    `with_classes` says whether it must have `label_column`; columns that the filter names are kept, and where it needs
    nothing else, a file that several rows describe is what the rows say that it keeps.

    Raises:
        InputError: unreadable, a column is missing, a split is unknown, or two rows contradict each other.
    """
    lines = _lines(table)
    label_column = config.label_column if with_classes else None
    wanted = (
        config.file_column,
        label_column,
        config.patient_column,
        config.split_column,
        config.side_column,
        *config.subgroup_columns,
    )
    reader = csv.reader(lines, delimiter=_delimiter(lines, config.file_column), strict=True)
    rows: dict[str, Row] = {}
    words: set[str] = set()
    try:
        header = [cell.strip() for cell in next(reader, [])]
        places = [None if name is None else _place(header, name) for name in wanted]
        for name in config.subgroup_columns:
            _check_names_nobody(name, "prepare.subgroup_columns", config)
        filtered = _filter_places(header, () if chosen is None else chosen.names, config)
        decides = chosen if chosen is not None and chosen.names <= filtered.keys() else None
        for cells in reader:
            if any(cell.strip() for cell in cells):
                read = _row(cells, places, filtered, reader.line_num, config, bool(words))
                words |= {(_cell(cells, places[3]) or "").casefold()} - {""}
                if read is not None:
                    _add(rows, *read, decides, reader.line_num)
    except csv.Error:
        raise InputError(
            f"Label table, line {reader.line_num}: not a readable table; save it again as CSV."
        ) from None
    if not rows:
        raise InputError("The label table has no rows; check prepare.labels.")
    for number, column in enumerate(config.subgroup_columns):
        check_categories(column, {row.groups[number] for row in rows.values()})
    return LabelTable(rows, frozenset(filtered), frozenset(words))


def _row(
    cells: list[str],
    places: list[int | None],
    filtered: dict[str, int],
    line: int,
    config: PrepareConfig,
    after_parts: bool,
) -> tuple[str, Row] | None:
    file, label, patient, split_text, side, *groups = (_cell(cells, place) for place in places)
    if file is None:
        return None
    split = None if split_text is None else part_of(split_text, config.parts)
    if split_text is not None and split is None:
        # Quoted only after words of a split: the column may be another, and hold names.
        said = f"'{split_text}'" if after_parts and len(split_text) <= _LONGEST_WORD else "a text"
        raise InputError(
            f"Label table, line {line}: the column '{config.split_column}' holds {said} where train, val or test is "
            "asked for; mend it, or explain its words: --parts WORD=train, WORD=test or WORD=none."
        )
    values = {name: _cell(cells, place) or "" for name, place in filtered.items()}
    return normal_path(file), Row(
        label, patient, split, body_side(side), values, tuple(each or "" for each in groups)
    )


def _add(rows: dict[str, Row], file: str, row: Row, decides: Filter | None, line: int) -> None:
    known = rows.setdefault(file, row)
    if decides is not None and known is not row:
        if not decides.keeps(row.values):
            return
        if not decides.keeps(known.values):
            rows[file] = known = row
        row = replace(row, values=known.values)
    if known != row:
        raise InputError(
            f"Label table, line {line}: this file has been named before with other values; keep one row of it, or "
            "choose among them with prepare.where."
        )


def _cell(cells: list[str], place: int | None) -> str | None:
    if place is None or place >= len(cells):
        return None
    return cells[place].strip() or None


def _place(header: list[str], name: str) -> int:
    for index, column in enumerate(header):
        if column.casefold() == name.casefold():
            return index
    which = f": {', '.join(filter(None, header))}" if _is_heading(header) else ""
    raise InputError(
        f"The first line of the label table has no column '{name}' among its {len(header)}{which}; see "
        "prepare.file_column, prepare.label_column and the other settings that name columns."
    )


def _is_heading(cells: list[str]) -> bool:
    """Whether a first line is surely one of headings, so that it may be quoted: without them it holds a patient.

    Two cells consist of words that head columns, and none holds a long number, a date, `^` or the name of a file.
    """
    known = sum(_HEADING.fullmatch(_as_name(cell)) is not None for cell in cells)
    return known >= 2 and not any(_OF_A_ROW.search(cell) for cell in cells)


def _filter_places(header: list[str], names: Collection[str], config: PrepareConfig) -> dict[str, int]:
    """Where the columns stand that a filter names; `body_part` means a column 'Body part' too.

    Raises:
        InputError: the filter asks for files or for what names a person, which must not enter the run folder with it.
    """
    spelled = {_as_name(column): index for index, column in enumerate(header)}
    found = {name: spelled[_as_name(name)] for name in names if _as_name(name) in spelled}
    for name in found:
        _check_names_nobody(name, "prepare.where", config)
    return found


def _check_names_nobody(name: str, setting: str, config: PrepareConfig) -> None:
    """Raises InputError for the columns of files and patients, and those called like what names a person."""
    own = {_as_name(column) for column in (config.file_column, config.patient_column) if column is not None}
    keyword = attribute(name)
    if _as_name(name) in _PERSONAL | own or (keyword is not None and not may_filter(keyword)):
        raise InputError(
            f"{setting} asks for the column '{name}', but settings are kept in the run folder, where no "
            "patient may be named; choose another column."
        )


_HEADING = re.compile(
    "((file|name|image|img|path|index|labels?|class|grade|kl|findings?|diagnosis|patient|subject|id|age|sex|gender|side|"
    "laterality|view|position|split|set|fold|date|study|series|modality)_?)+"
)
_OF_A_ROW = re.compile(r"\d{4}|\d[./-]\d|\^|\.[A-Za-z]{3,4}$|.{41}")
_LONGEST_WORD = 12


def _as_name(column: str) -> str:
    return re.sub(r"\W+", "_", column.strip().casefold())


def _inside(labels: Path, listing: Listing) -> str | None:
    """The table's path relative to the source, if it is one of its files."""
    relative = labels
    if labels.is_absolute() and labels.is_relative_to(listing.root):
        relative = labels.relative_to(listing.root)
    wanted = relative.as_posix()
    found = [file.relative for file in listing.files if f"/{file.relative}".endswith(f"/{wanted}")]
    # Exports wrap all in a folder; two tables of one name could not be told apart.
    return wanted if wanted in found else found[0] if len(found) == 1 else None


def _lines(data: bytes) -> list[str]:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
        if not _is_western(text):
            raise InputError(
                "The label table is neither in UTF-8 nor in a Western encoding, so its words would come out garbled; "
                "save it as 'CSV UTF-8'."
            ) from None
    if "\0" in text:
        raise InputError("The label table is not a text table; save it as CSV and check prepare.labels.")
    lines = io.StringIO(text, newline="").readlines()
    start = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    if start == len(lines):
        raise InputError("The label table is empty; check prepare.labels.")
    return lines[start + lines[start].casefold().lstrip('"').startswith("sep=") :]


def _is_western(text: str) -> bool:
    """Whether text read as Windows-1252 was written so: its letters with accents stand alone or few together.

    Chinese, Japanese, Korean, Russian or Greek bytes read as such come in rows of letters and signs, and which of their
    many encodings it is cannot be told from a few class names.
    """
    runs = _NOT_ASCII.findall(text)
    odd = [run for run in runs if len(run) > 1 and not (len(run) <= _MOST_ACCENTS and _is_of_one_word(run))]
    return "\ufffd" not in text and 2 * len("".join(odd)) < len("".join(runs))


def _is_of_one_word(letters: str) -> bool:
    return letters.isalpha() and (letters.islower() or letters.isupper())


def _delimiter(lines: list[str], file_column: str) -> str:
    header = lines[0] if lines else ""
    for delimiter in _DELIMITERS:
        if file_column.casefold() in [cell.strip(' "\r\n').casefold() for cell in header.split(delimiter)]:
            return delimiter
    return max(_DELIMITERS, key=header.count)
