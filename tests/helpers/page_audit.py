"""What is wrong with a page, as the browser that lays it out sees it: widths, sizes, contrasts, headings, links.

The measures are those of the Web Content Accessibility Guidelines 2.1, level AA: a contrast of 4.5, or 3 for
large text.
"""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser, Page

WIDTHS = (390, 768, 1440)  # pixels: a telephone, a tablet, a computer
PAPER = 680  # pixels: A4 with margins of 15 mm
SMALLEST = 11  # pixels of text
FIGURE_TEXT = 8 / 72 * 120  # pixels of the smallest text in a figure at its own size; tests/course/test_figures.py

# Everything that a reader sees; what is hidden, and formulas, which MathJax draws, are left out.
COMMON = """
  const shown = element => {
    const box = element.getBoundingClientRect();
    return element.checkVisibility({checkOpacity: true, checkVisibilityCSS: true}) && box.width > 1 && box.height > 1
      && box.right > 0 && box.left < innerWidth;
  };
  const texts = () => {
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      const element = node.parentElement;
      const drawn = element.closest("mjx-container, script, style, noscript, svg, .visually-hidden");
      if (node.data.trim() && !drawn && shown(element))
        found.push([node.data.trim().slice(0, 40), element, getComputedStyle(element)]);
    }
    return found;
  };
"""

SIDEWAYS = """() => {
  const wide = document.documentElement.scrollWidth;
  return wide > innerWidth ? [`scrolls sideways: ${wide} of ${innerWidth}`] : [];
}"""

LAYOUT = (
    "smallest => {"
    + COMMON
    + """
  const found = [], wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) found.push(`scrolls sideways: ${wide} of ${innerWidth}`);
  for (const [text, , style] of texts())
    if (parseFloat(style.fontSize) < smallest) found.push(`text of ${style.fontSize}: ${text}`);
  for (const image of document.querySelectorAll("article img, figure img")) {
    if (image.closest("dialog") || !image.checkVisibility()) continue;
    const own = getComputedStyle(image), inside = image.clientWidth - 2 * parseFloat(own.paddingLeft);
    const size = FIGURE_TEXT * inside / image.naturalWidth;
    if (size < smallest - 0.01) found.push(`text of ${size.toFixed(1)}px in a figure: ${image.alt.slice(0, 40)}`);
    if (inside > image.naturalWidth + 1) found.push(`a figure of ${image.naturalWidth} px enlarged to ${inside} px`);
  }
  return found;
}""".replace("FIGURE_TEXT", str(FIGURE_TEXT))
)

CONTRAST = (
    "() => {"
    + COMMON
    + """
  const context = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = colour => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3]));
  const chain = element => element ? [...chain(element.parentElement), element] : [];
  const luminance = colour => colour
    .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const found = [];
  for (const [text, element, style] of texts()) {
    if (element.closest(":disabled")) continue;
    let page = [255, 255, 255], opacity = 1;
    for (const each of chain(element)) {
      const own = getComputedStyle(each);
      page = over(rgba(own.backgroundColor), page);
      opacity *= parseFloat(own.opacity);
    }
    const ink = rgba(style.color);
    const [low, high] = [over([...ink.slice(0, 3), ink[3] * opacity], page), page].map(luminance).sort((a, b) => a - b);
    const size = parseFloat(style.fontSize), ratio = (high + 0.05) / (low + 0.05);
    const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(2)} of ${style.color}: ${text}`);
  }
  return found;
}"""
)

STRUCTURE = """() => {
  const found = [], all = selector => [...document.querySelectorAll(selector)];
  if (!document.documentElement.lang) found.push("no language");
  if (!document.title.trim()) found.push("no title");
  for (const image of all("img")) {
    const alt = image.getAttribute("alt"), source = image.getAttribute("src").slice(0, 60);
    if (!alt || !alt.trim() || alt.endsWith(".png")) found.push(`no alt text: ${source}`);
    if (!image.naturalWidth) found.push(`a picture that is not there: ${source}`);
  }
  for (const cell of all("td, th"))
    if (/\\w(\\.\\.\\.|…)$/.test(cell.textContent.trim())) found.push(`a cell cut short: ${cell.textContent.trim()}`);
  const headings = all("h1, h2, h3, h4, h5, h6");
  const levels = headings.map(heading => [Number(heading.tagName[1]), heading.textContent.slice(0, 40)]);
  if (levels.filter(([level]) => level === 1).length !== 1) found.push("not one h1");
  for (let i = 1; i < levels.length; i++)
    if (levels[i][0] > levels[i - 1][0] + 1) found.push(`h${levels[i][0]} after h${levels[i - 1][0]}: ${levels[i][1]}`);
  for (const control of all("a[href], button, summary"))
    if (!(control.textContent.trim() || control.getAttribute("aria-label") || control.title))
      found.push(`nameless ${control.outerHTML.slice(0, 80)}`);
  const ids = all("[id]").map(element => element.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) < i))) found.push(`two elements of the id ${id}`);
  return found;
}"""

LINKS = """() => ({
  ids: [...document.querySelectorAll("[id]")].map(element => element.id),
  links: [...document.querySelectorAll("a[href], link[href], script[src], img[src]")]
    .filter(element => !element.src || !element.src.startsWith("file:") || element.getAttribute("src") !== element.src)
    .map(element => element.getAttribute("href") || element.getAttribute("src")),
})"""


def opened(browser: Browser, page: Path, heard: list[str], query: str = "") -> Page:
    """The page from disk, with its formulas set; messages of its scripts are added to `heard`."""
    tab = browser.new_page(viewport={"width": WIDTHS[-1], "height": 900})
    tab.on("console", lambda message: heard.append(f"{page.name}: {message.type}: {message.text}"))
    tab.on("pageerror", lambda error: heard.append(f"{page.name}: {error}"))
    tab.on("requestfailed", lambda request: heard.append(f"{page.name}: not found: {request.url}"))
    tab.goto(f"{page.as_uri()}{query}")
    tab.evaluate("() => window.MathJax ? MathJax.startup.promise.then(() => 0) : 0")
    return tab


def complaints(tab: Page) -> list[str]:
    """What is wrong with an opened page, at every width, in light and dark, and on paper."""
    found = [*tab.evaluate(STRUCTURE)]
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            tab.set_viewport_size({"width": width, "height": 900})
            if scheme == "light":
                found += [f"{width} px: {line}" for line in tab.evaluate(LAYOUT, SMALLEST)]
            found += [f"{scheme}, {width} px: {line}" for line in tab.evaluate(CONTRAST)]
    tab.emulate_media(media="print", color_scheme="dark")
    tab.set_viewport_size({"width": PAPER, "height": 960})
    found += [f"on paper: {line}" for line in [*tab.evaluate(SIDEWAYS), *tab.evaluate(CONTRAST)]]
    return found


def broken_links(pages: dict[Path, dict[str, list[str]]]) -> list[str]:
    """Links of the site's pages that lead to no file or to no element; those to other sites are checked for form."""
    found = []
    for page, told in pages.items():
        for link in told["links"]:
            parts = urlsplit(link)
            if parts.scheme in ("data", "mailto"):
                continue
            if parts.scheme or parts.netloc:
                if parts.scheme not in ("http", "https") or "." not in parts.netloc:
                    found.append(f"{page.name}: {link}")
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            anchor = unquote(parts.fragment)
            if not target.is_file():
                found.append(f"{page.name}: no file {link}")
            elif anchor and target in pages and anchor not in pages[target]["ids"]:
                found.append(f"{page.name}: no element {link}")
    return found
