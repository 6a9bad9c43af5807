"""The command `infotok`: it runs the notebooks of the course headlessly with papermill.

- `cli`         the subcommands: run, list, report, site, figures, clean (`infotok --help`)
- `runner`      several notebooks side by side, each in a process of its own (`worker`, `engine`)
- `parameters`  the parameters of a notebook, read from its cell tagged `parameters`
- `report`      one page of everything that was run; `site` the course as a website
"""
