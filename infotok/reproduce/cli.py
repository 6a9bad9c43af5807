"""The command `infotok`. What cannot be done is refused in one line, with exit code 2, before any kernel starts."""

import shutil
import sys
from contextlib import suppress
from typing import Annotated

import typer
from filelock import FileLock, Timeout

from infotok.reproduce.course import Course, Refusal

EXAMPLES = """
Examples:

  infotok run                                 the whole course, profile laptop

  infotok run 00_start_here --profile smoke   a quick look at one lesson

  infotok run 00_start_here -p seed=7         the same lesson on another seed

  infotok run --profile gpu --jobs 2          on a GPU box

  infotok figures                             redraw the committed figures
"""

Names = Annotated[list[str] | None, typer.Argument(help="Notebooks by name; all by default.", metavar="[NAME...]")]
Root = Annotated[str, typer.Option(help="The clone; by default the nearest folder above.", metavar="DIR")]
Profile = Annotated[str, typer.Option(help="smoke, laptop or gpu.")]

app = typer.Typer(
    help="Run the infotok course headlessly, and see what came of it.",
    epilog=EXAMPLES,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def command() -> int:
    """Parse the command line and do it; returns the exit code of a refusal, else leaves with that of the command."""
    try:
        app()
    except Refusal as refusal:
        print(f"infotok: {refusal}", file=sys.stderr)
    return 2


@app.command()
def run(
    names: Names = None,
    profile: Profile = "laptop",
    parameter: Annotated[
        list[str] | None, typer.Option("-p", "--parameter", help="Set a notebook's parameter.", metavar="NAME=VALUE")
    ] = None,
    jobs: Annotated[str, typer.Option(help="How many notebooks run side by side.", metavar="N")] = "1",
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget finished and interrupted runs of the same.")] = False,
    cap_mb: Annotated[str, typer.Option(help="The largest file a run may leave, in MB.", metavar="MB")] = "25",
    root: Root = "",
) -> None:
    """Run notebooks headlessly, check what they claim, and write the report."""
    from infotok.reproduce.display import summary
    from infotok.reproduce.parameters import convert, resolve
    from infotok.reproduce.report import write_report
    from infotok.reproduce.runner import exit_code
    from infotok.reproduce.runner import run as run_notebooks

    course = Course.find(root)
    side_by_side = convert("--jobs", "int", jobs)
    if side_by_side < 1:
        raise Refusal(f"--jobs: got {side_by_side}, expected a whole number, 1 or more")
    cap = convert("--cap-mb", "float", cap_mb)
    parameters = resolve(course, course.select(names or []), profile, parameter or [])
    try:
        runs = run_notebooks(course, parameters, profile, jobs=side_by_side, fresh=fresh, cap_mb=cap)
    except KeyboardInterrupt:
        print("infotok: interrupted; the same command goes on from what is finished", file=sys.stderr)
        raise typer.Exit(130) from None
    summary(runs, course, write_report(course, profile))
    raise typer.Exit(exit_code(runs))


@app.command("list")
def list_(root: Root = "") -> None:
    """List the notebooks, their parameters, and how their last run at each profile ended."""
    from infotok.reproduce.display import listing

    listing(Course.find(root))


@app.command()
def report(profile: Profile = "laptop", root: Root = "") -> None:
    """Write runs/PROFILE/report.html again from what has been run."""
    from infotok.reproduce.report import write_report

    course = Course.find(root)
    course.profile(profile)
    print(write_report(course, profile).relative_to(course.root))


@app.command()
def site(profile: Profile = "laptop", root: Root = "") -> None:
    """Write runs/PROFILE/site: every notebook as it last ran, searchable, offline."""
    from infotok.reproduce.report import write_report
    from infotok.reproduce.site import write_site

    course = Course.find(root)
    course.profile(profile)
    write_report(course, profile)
    print(write_site(course, profile).relative_to(course.root))


@app.command()
def figures(
    names: Names = None,
    take: Annotated[
        str,
        typer.Option("--from", help="First take the metrics of the last passed runs.", metavar="PROFILE"),
    ] = "",
    root: Root = "",
) -> None:
    """Redraw figures/NAME/ from its metrics.json, without training; the same metrics give the same bytes."""
    from infotok.reproduce.figures import redraw_all, take_metrics

    course = Course.find(root)
    chosen = course.select(names or [])
    if take:
        course.profile(take)
        take_metrics(course, chosen, take)
    for path in redraw_all(course, chosen):
        print(path.relative_to(course.root))


@app.command()
def clean(
    everything: Annotated[bool, typer.Option("--all", help="Remove every run, replaced or not.")] = False,
    root: Root = "",
) -> None:
    """Remove the folders of runs that newer ones of the same notebook and profile replaced."""
    course = Course.find(root)
    for folder in course.run_folders() if everything else course.replaced():
        with suppress(Timeout), FileLock(folder / "lock", timeout=0):  # a run that is going on keeps its folder
            shutil.rmtree(folder)
            print(f"removed {folder.relative_to(course.root)}")
