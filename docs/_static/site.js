// What scrolls sideways can be reached, and so scrolled, with the keyboard.

const scrollable = document.querySelectorAll(".highlight pre, .table-wrapper");

function makeReachable() {
  for (const element of scrollable) {
    if (element.scrollWidth > element.clientWidth) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
  }
}

new ResizeObserver(makeReachable).observe(document.body);
makeReachable();
