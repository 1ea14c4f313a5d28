"""Rows and problems as they are read, gathered into a batch: each fact once, and contradictions named."""

from collections import defaultdict
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from service.ingest import build, cells, duplicates, values
from service.ingest.canonical import TABLES
from service.ingest.rows import Batch, ContactRow, Counts, Line, Problem, ResultRow, Row, same_fact


@dataclass(slots=True)
class Gathered:
    """One table's rows so far."""

    rows: dict[Any, Row] = field(default_factory=dict)
    contradicted: dict[Any, Line] = field(default_factory=dict)
    refused: set[Line] = field(default_factory=set)
    lines: int = 0
    merged: int = 0
    left_out: int = 0

    def add(self, row: Row) -> Problem | None:
        """Takes a row. One that contradicts an earlier one of its key is a problem, and neither stays."""
        if row.key in self.contradicted:
            return self._contradiction(row, self.contradicted[row.key])
        earlier = self.rows.setdefault(row.key, row)
        if earlier is row:
            return None
        if same_fact(earlier, row):
            self.merged += 1
            return None
        self.contradicted[row.key] = earlier.line
        self.refused.add(earlier.line)
        del self.rows[row.key]
        return self._contradiction(row, earlier.line)

    def _contradiction(self, row: Row, earlier: Line) -> Problem:
        what = f"{earlier} says something else of the same {row.table.removesuffix('s')}, so neither is taken"
        return Problem(row.line, None, what, "keep the one that is true")

    def counts(self) -> Counts:
        unusable = sum(isinstance(row, ResultRow) and row.unusable is not None for row in self.rows.values())
        return Counts(
            lines=self.lines,
            rows=len(self.rows),
            merged=self.merged,
            refused=len(self.refused),
            left_out=self.left_out,
            unusable=unusable,
        )


@dataclass(slots=True)
class Gathering:
    """A whole import so far."""

    tables: dict[str, Gathered] = field(default_factory=lambda: defaultdict(Gathered))
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def refuse(self, table: str, problem: Problem) -> None:
        self.errors.append(problem)
        self.tables[table].refused.add(problem.line)

    def add(self, row: Row, column: str | None = None) -> None:
        """Takes a row; `column` is where the file has its value or address."""
        if problem := self.tables[row.table].add(row):
            self.refuse(row.table, problem)
        elif isinstance(row, ResultRow) and row.unusable and row.value_as_sent:
            what, remedy = values.advice(row.unusable)
            what = f"{what}, so {row.analyte} is kept but closes nothing"
            self.warnings.append(Problem(row.line, column, what, remedy))
        elif (
            isinstance(row, ContactRow)
            and row.channel in build.PHONES
            and not cells.is_given_out(row.address)
        ):
            what = "this is not a number that its country is known to give out"
            self.warnings.append(Problem(row.line, column, what, "call it, or correct it"))

    def batch(self) -> Batch:
        rows: dict[str, Any] = {name: tuple(self.tables[name].rows.values()) for name in TABLES}
        warnings = [*self.warnings, *duplicates.warnings(rows["patients"], rows["results"])]
        return Batch(
            **rows,
            errors=tuple(self.errors),
            warnings=tuple(warnings),
            counts=MappingProxyType({name: self.tables[name].counts() for name in TABLES}),
        )
