// What scrolls can be reached, and so scrolled, with the keyboard; a table also says that it does.

const scrollable = document.querySelectorAll(".highlight pre, .table-wrapper");

function makeReachable() {
  for (const element of scrollable) {
    const scrolls =
      element.scrollWidth > element.clientWidth || element.scrollHeight > element.clientHeight;
    const named = { tabindex: "0" };
    if (element.matches(".table-wrapper")) {
      Object.assign(named, { role: "group", "aria-label": "A table that scrolls sideways" });
    }
    for (const [name, value] of Object.entries(named)) {
      if (scrolls) element.setAttribute(name, value);
      else element.removeAttribute(name);
    }
  }
}

const observer = new ResizeObserver(makeReachable); // output grows as a program runs
for (const element of scrollable) observer.observe(element);
makeReachable();
