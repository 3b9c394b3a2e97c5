"""What was measured: comparisons of servers under one load, their medians and ratios, and the goals they are held to."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

OURS = "smtpeter"
SINGLE = "one process"  # of ours
OTHERS = (
    "others' processors"  # busy meanwhile with what is neither the server nor the load: said, but no result
)
QUIET = 0.3  # processors busy with something else, above which rates are not to be trusted

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Goal:
    """Of our row: a figure, or its ratio to that of the row `against`, is to be `bound` at least, or at most."""

    figure: str
    bound: float
    against: str = ""
    row: str = OURS
    at_most: bool = False

    def __str__(self) -> str:
        what = f"{self.figure}, {self.row}" + (f" to {self.against}" if self.against else "")
        return f"{what}: {'at most' if self.at_most else 'at least'} {self.bound:g}"


@dataclass(slots=True)
class Comparison:
    """Rows under one load, with the figures of each of their runs in turn; `figure` is the one that counts.

    `ours`: the row whose ratio to all others is told, if any; `failed`: why, of rows that did not get through it; `remark`: what a reader must know.
    """

    load: str
    figure: str
    goals: tuple[Goal, ...] = ()
    runs: dict[str, list[Figures]] = field(default_factory=dict)
    ours: str = OURS
    failed: dict[str, str] = field(default_factory=dict)
    remark: str = ""

    def add(self, row: str, figures: Figures) -> None:
        self.runs.setdefault(row, []).append(figures)

    def figures(self) -> list[str]:
        """The columns, in order; not every row has each."""
        names = dict.fromkeys(name for runs in self.runs.values() for run in runs for name in run)
        return [name for name in names if name != OTHERS]

    def values(self, row: str, figure: str) -> list[float]:
        return [run[figure] for run in self.runs.get(row, ()) if figure in run]

    def median(self, row: str, figure: str) -> float | None:
        values = self.values(row, figure)
        return statistics.median(values) if values else None

    def ratio(self, figure: str, row: str, against: str) -> float | None:
        """A row's median over another's."""
        one, other = self.median(row, figure), self.median(against, figure)
        return one / other if one is not None and other else None

    def reached(self, goal: Goal) -> float | None:
        return (
            self.ratio(goal.figure, goal.row, goal.against)
            if goal.against
            else self.median(goal.row, goal.figure)
        )

    def is_met(self, goal: Goal) -> bool | None:
        """None where it was not measured."""
        reached = self.reached(goal)
        if reached is None:
            return None
        return reached <= goal.bound if goal.at_most else reached >= goal.bound

    def others(self) -> float:
        """The most that anything else kept busy during one of the runs."""
        return max((run.get(OTHERS, 0.0) for runs in self.runs.values() for run in runs), default=0.0)

    def told(self) -> dict[str, Any]:
        rows = {
            row: {
                "medians": {name: self.median(row, name) for name in self.figures()},
                "smtpeter to it": self.ratio(self.figure, self.ours, row),
                "runs": runs,
            }
            for row, runs in self.runs.items()
        }
        goals = [
            {**asdict(goal), "goal": str(goal), "reached": self.reached(goal), "met": self.is_met(goal)}
            for goal in self.goals
        ]
        return {
            "load": self.load,
            "figure": self.figure,
            "rows": rows,
            "goals": goals,
            "failed": self.failed,
            "remark": self.remark,
            "others' processors": self.others(),
        }


@dataclass(slots=True)
class Measured:
    """One measurement's comparisons; `trouble` says why it has not all of them."""

    name: str
    about: str
    comparisons: list[Comparison] = field(default_factory=list)
    trouble: str = ""
    is_broken: bool = False  # and it should have: what is absent, and time that is over, break nothing
    seconds: float = 0.0


@dataclass(slots=True)
class Report:
    """A whole run. `servers`: version and durability, or the reason why it is absent, by name."""

    version: str
    when: str
    command: str
    machine: Mapping[str, str]
    servers: Mapping[str, Mapping[str, str]]
    measured: list[Measured]

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "version": self.version,
            "when": self.when,
            "command": self.command,
            "machine": dict(self.machine),
            "servers": {name: dict(about) for name, about in self.servers.items()},
            "measurements": [
                {
                    "name": each.name,
                    "about": each.about,
                    "trouble": each.trouble,
                    "seconds": round(each.seconds, 1),
                    "comparisons": [comparison.told() for comparison in each.comparisons],
                }
                for each in self.measured
            ],
        }
