"""The command `infotok`: run, lab, list, report, site, handout, slides, figures, check, clean.

A wrong request is one line, and the exit code is 2.
"""

import os
import shutil
import sys
from contextlib import suppress
from typing import Annotated

import typer
from filelock import FileLock, Timeout

import infotok
from infotok.course.course import Course, Refusal
from infotok.course.quick import without_grammar
from infotok.course.refusal import os_line

EXAMPLES = """
Examples:

  infotok run                                 the whole course, profile laptop

  infotok run 00_start_here --profile smoke   one lesson at small sizes

  infotok run 00_start_here -p seed=7         the same lesson on another seed

  infotok run --profile full --jobs 2         the sizes of the reported numbers, hours

  infotok run --profile gpu                   larger sizes, on a machine with a GPU

  infotok lab                                 JupyterLab on copies of the lessons, in scratch/

  infotok report -p seed=7                    report on that run; without -p, on the profile's own

  infotok handout 02_gaussian_bottleneck      a sheet to print, and its answers

  infotok slides 02_gaussian_bottleneck       the lesson as slides, in one file

  infotok figures                             redraw the committed figures

  infotok check --profile gpu                 is a machine with a GPU right, fast and able to resume?
"""

Names = Annotated[list[str] | None, typer.Argument(help="Notebooks by name; all by default.", metavar="[NAME...]")]
Root = Annotated[str, typer.Option(help="The clone; by default the nearest folder above.", metavar="DIR")]
Profile = Annotated[str, typer.Option(help="The sizes: smoke, laptop, full or gpu.")]
Assignments = Annotated[
    list[str] | None, typer.Option("-p", "--parameter", help="Set a notebook's parameter.", metavar="NAME=VALUE")
]
Asked = Annotated[
    list[str] | None,
    typer.Option(
        "-p",
        "--parameter",
        help="Of the lessons that have it, the run with this parameter; else the profile's own.",
        metavar="NAME=VALUE",
    ),
]

app = typer.Typer(
    help="Run the notebooks of the infotok course without JupyterLab, and report their results.",
    epilog=EXAMPLES,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def command() -> int:
    """Parse the command line and run the command; returns the exit code: 2, with one line, for what is refused."""
    without_grammar()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that knows ASCII alone shows ? for the rest
            stream.reconfigure(errors="replace")
    try:
        return app(sys.argv[1:] or ["--help"], standalone_mode=False) or 0
    except Refusal as refusal:
        print(f"infotok: {refusal}", file=sys.stderr)
    except typer.TyperException as error:  # an unknown option, or a value of another type
        print(f"infotok: {error.format_message()}", file=sys.stderr)
    except ModuleNotFoundError as missing:  # of an extra; the line has the command that installs it
        print(f"infotok: {missing}", file=sys.stderr)
    except OSError as error:
        print(f"infotok: {os_line(error)}", file=sys.stderr)
    return 2


def _version(asked: bool) -> None:
    if asked:
        print(f"infotok {infotok.__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Run the notebooks of the infotok course without JupyterLab, and report their results."""


@app.command()
def run(
    names: Names = None,
    profile: Profile = "laptop",
    parameter: Assignments = None,
    jobs: Annotated[int, typer.Option(help="How many notebooks run side by side.", metavar="N", min=1)] = 1,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget finished and interrupted runs of the same.")] = False,
    cap_mb: Annotated[float, typer.Option(help="The largest file a run may leave, in MB.", metavar="MB", min=0)] = 25,
    root: Root = "",
) -> None:
    """Run notebooks, judge their claims, and write the report."""
    from infotok.course.display import summary
    from infotok.course.parameters import asked, resolve, unreadable
    from infotok.course.report import write_report
    from infotok.course.runner import exit_code
    from infotok.course.runner import run as run_notebooks

    course = Course.find(root)
    chosen = course.select(names or [])
    damaged = {} if names else unreadable(course, chosen)
    for line in [] if names else course.others:
        print(f"infotok: {line}", file=sys.stderr)
    parameters = resolve(course, [name for name in chosen if name not in damaged], profile, parameter or []) | damaged
    try:
        runs = run_notebooks(course, parameters, profile, jobs=jobs, fresh=fresh, cap_mb=cap_mb)
    except KeyboardInterrupt:
        print("infotok: interrupted; the same command goes on from what is finished", file=sys.stderr)
        raise typer.Exit(130) from None
    summary(runs)
    page = write_report(course, profile, asked(course, profile, []) | parameters)
    print(f"\nreport: {page.relative_to(course.root)}")
    raise typer.Exit(exit_code(runs))


@app.command()
def lab(
    fresh: Annotated[bool, typer.Option("--fresh", help="Take every lesson anew; your copies are kept.")] = False,
    ip: Annotated[str, typer.Option(help="The address to listen at.", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The first port to try.", min=1, max=65535)] = 8888,
    browser: Annotated[bool, typer.Option(help="Whether to open a browser.")] = True,
    root: Root = "",
) -> None:
    """Open JupyterLab on copies of the lessons, in scratch/, so that git sees no change."""
    from infotok.course.jupyter import copy_lessons, launch

    course = Course.find(root)
    program = launch(course, ip, port, browser)
    for line in copy_lessons(course, fresh):
        print(f"infotok: {line}", file=sys.stderr)
    os.execve(*program)


@app.command("list")
def list_(parameter: Asked = None, root: Root = "") -> None:
    """List the lessons, their parameters, and how the run of the profile's own parameters ended at each profile."""
    from infotok.course.display import listing

    listing(Course.find(root), parameter or [])


@app.command()
def report(profile: Profile = "laptop", parameter: Asked = None, root: Root = "") -> None:
    """Write runs/PROFILE/report.html of the runs with the profile's own parameters, or with those given by -p.

    Right after `infotok run` the report is of the runs of that command.
    """
    from infotok.course.parameters import asked
    from infotok.course.report import write_report

    course = Course.find(root)
    print(write_report(course, profile, asked(course, profile, parameter or [])).relative_to(course.root))


@app.command()
def site(profile: Profile = "laptop", parameter: Asked = None, root: Root = "") -> None:
    """Write runs/PROFILE/site: every lesson as it ran with the profile's own parameters, or those given by -p."""
    from infotok.course.parameters import asked
    from infotok.course.site import write_site

    course = Course.find(root)
    wanted = asked(course, profile, parameter or [])
    print(write_site(course, profile, wanted).relative_to(course.root))


@app.command()
def handout(names: Names = None, profile: Profile = "laptop", parameter: Asked = None, root: Root = "") -> None:
    """Write runs/PROFILE/handouts: for each lesson a sheet to print, and its answers on another.

    Figures and claims are those of the run asked for, or the committed ones.
    """
    from infotok.course.handouts import write_handouts

    course = Course.find(root)
    for path in write_handouts(course, course.select(names or []), profile, parameter or []):
        print(path.relative_to(course.root))


@app.command()
def slides(names: Names = None, profile: Profile = "laptop", parameter: Asked = None, root: Root = "") -> None:
    """Write runs/PROFILE/slides: each lesson as slides, one file that opens offline and prints a slide a page.

    Figures and claims are those of the run asked for, or the committed ones.
    """
    from infotok.course.slides import write_slides

    course = Course.find(root)
    for path in write_slides(course, course.select(names or []), profile, parameter or []):
        print(path.relative_to(course.root))


@app.command()
def figures(
    names: Names = None,
    take: Annotated[
        str,
        typer.Option(
            "--from", help="First take the metrics of the runs that passed at this profile.", metavar="PROFILE"
        ),
    ] = "",
    parameter: Asked = None,
    root: Root = "",
) -> None:
    """Redraw figures/NAME/ from its metrics.json, without training; the same metrics give the same bytes."""
    from infotok.course.figures import redraw_all, take_metrics

    course = Course.find(root)
    chosen = course.select(names or [])
    if take:
        take_metrics(course, chosen, take, parameter or [])
    elif parameter:
        raise Refusal("-p: got it without --from, expected both: -p chooses the run of --from")
    for path in redraw_all(course, chosen):
        print(path.relative_to(course.root))


@app.command()
def check(
    profile: Annotated[str, typer.Option(help="The sizes: smoke on any machine, or gpu.")] = "smoke",
    model: Annotated[str, typer.Option(help="A published checkpoint to check too: a folder, or a hub name.")] = "",
    root: Root = "",
) -> None:
    """Check this machine: numbers, throughput, memory and resuming of every host; exit code 1 if a check fails.

    A tiny published model with InfoTok is checked too, or that of --model. The report is runs/check-PROFILE.json.
    """
    from infotok.course.runner import require_writable
    from infotok.experiments.attached_check import add_attached
    from infotok.experiments.machine_check import SIZES, check_machine
    from infotok.files import write_json

    if profile not in SIZES:
        raise Refusal(f"--profile: got {profile!r}, expected one of {', '.join(SIZES)}")
    path = Course.find(root).root / "runs" / f"check-{profile}.json"
    require_writable(path.parent)  # before minutes of checks
    add_attached(model)
    found = check_machine(
        profile, lambda each: print(f"{'passed' if each.passed else 'FAILED'}  {each.name}: {each.line}")
    )
    write_json(path, found)
    print(f"\nreport: runs/{path.name}")
    raise typer.Exit(0 if found["passed"] else 1)


@app.command()
def clean(
    everything: Annotated[bool, typer.Option("--all", help="Remove every run, replaced or not.")] = False,
    root: Root = "",
) -> None:
    """Remove the folders of runs that newer ones of the same notebook, profile and parameters replaced."""
    from infotok.course.runs import replaced

    course = Course.find(root)
    for folder in course.run_folders() if everything else replaced(course):
        with suppress(Timeout), FileLock(folder / "lock", timeout=0):  # a run that is going on keeps its folder
            shutil.rmtree(folder)
            print(f"removed {folder.relative_to(course.root)}")
