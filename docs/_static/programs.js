// Gives each program of the page its buttons: Run, Stop, Edit, Reset.
// Knows the page; how a program is run is the worker's business (programs_worker.js).

const PATIENCE = 60; // seconds without a sign of life from Python as it loads, and then it is given up
const TOTAL = Number(document.querySelector("script[data-python-bytes]")?.dataset.pythonBytes);

let python; // the worker that loads Python and keeps it, from run to run
let running; // the program that runs, if one does
let edits; // the reader's, by program, for as long as the visit lasts
try {
  edits = sessionStorage;
} catch {
  // A browser that keeps nothing: an edit lasts as long as its page.
}

class Python {
  loaded = 0; // bytes
  ready = false;

  constructor() {
    const url = new URL("programs_worker.js", import.meta.url);
    this.worker = new Worker(url, { type: "module" });
    this.worker.onmessage = ({ data }) => this.heard(data);
    this.worker.onerror = (error) => this.heard({ broken: error.message ?? url.pathname });
  }

  run(name, text) {
    this.worker.postMessage({ name, text });
    this.wait();
  }

  heard({ loaded, ready, broken, ...news }) {
    if (python !== this) return; // it has been given up
    if (loaded) this.loaded = loaded;
    if (ready) this.ready = true;
    this.wait();
    if (broken) lose(`Python could not be loaded (${broken}). Press Run to try again.`);
    else running?.heard(news);
  }

  // Only while somebody waits for it, and it is not there yet.
  wait() {
    clearTimeout(this.timer);
    if (!running || this.ready) return;
    this.timer = setTimeout(() => {
      lose(
        `Python has not loaded: nothing came for ${PATIENCE} seconds. Check the connection and ` +
          "press Run again, or run the program on your own machine: its name leads to the file.",
      );
    }, PATIENCE * 1000);
  }
}

function warm() {
  python ??= new Python();
}

// The worker can't be asked to stop: a program may be in an endless loop.
function lose(why) {
  clearTimeout(python.timer);
  python.worker.terminate();
  python = undefined;
  running?.end(why);
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}

function make(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}

class Program {
  constructor(element) {
    this.element = element;
    this.block = element.querySelector('[class^="highlight-"]');
    this.original = this.block.querySelector("pre").textContent;
    this.output = element.querySelector(".output pre");
    this.recorded = this.output.textContent;
    this.labelled = element.querySelector(".output");
    this.recordedLabel = this.labelled.dataset.label;
    this.name = element.dataset.name;
    this.key = `multi_await ${this.name}`;
    this.bar();
    const edited = edits?.getItem(this.key);
    if (edited) this.open(edited);
  }

  bar() {
    this.run = make("button", { type: "button" });
    this.run.onclick = () => (running === this ? this.stop() : this.start());
    this.edit = make("button", { type: "button" });
    this.edit.onclick = () => (this.editor ? this.reset() : this.open().focus());
    this.label(this.run, "Run");
    this.label(this.edit, "Edit");
    this.state = make("span");
    this.state.setAttribute("role", "status");
    this.progress = make("progress", { max: TOTAL, hidden: true, ariaLabel: "Python, loaded" });
    this.amount = make("span", { hidden: true }); // no status: nobody wants to hear each megabyte
    const bar = make("div", { className: "program-bar" });
    bar.append(this.run, this.edit, this.state, this.progress, this.amount);
    bar.onpointerenter = () => navigator.connection?.saveData || warm();
    this.block.closest("details, div:not([class])").after(bar);
  }

  say(text) {
    if (this.state.textContent !== text) this.state.textContent = text;
  }

  label(which, text) {
    which.textContent = text;
    which.setAttribute("aria-label", `${text} ${this.name}`);
  }

  open(text = this.original) {
    this.editor = make("textarea", { value: text, spellcheck: false, autocapitalize: "off" });
    this.editor.rows = text.split("\n").length;
    this.editor.setAttribute("aria-label", `The text of ${this.name}; Ctrl+Enter runs it`);
    this.editor.oninput = () => edits?.setItem(this.key, this.editor.value);
    this.editor.onkeydown = (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      this.start();
    };
    this.block.hidden = true;
    this.block.after(this.editor);
    const folded = this.block.closest("details");
    if (folded) folded.open = true;
    this.label(this.edit, "Reset");
    this.say("Ctrl+Enter runs it");
    return this.editor;
  }

  reset() {
    if (running === this) this.stop();
    edits?.removeItem(this.key);
    this.editor.remove();
    this.editor = undefined;
    this.block.hidden = false;
    this.label(this.edit, "Edit");
    this.say("");
    this.restore();
  }

  start() {
    running?.stop();
    running = this;
    this.begun = false;
    this.label(this.run, "Stop");
    warm();
    python.run(this.name, this.editor?.value ?? this.original);
    this.heard({});
  }

  // What was recorded stays until there is something to take its place.
  begin() {
    this.begun = true;
    this.output.textContent = "";
    this.output.setAttribute("aria-live", "polite");
    this.labelled.dataset.label = "Output of this run";
    this.element.classList.add("ran");
  }

  heard({ text, seconds, failed }) {
    if (python.ready && !this.begun) this.begin();
    const loading = !python.ready && python.loaded < TOTAL;
    this.progress.hidden = this.amount.hidden = !loading;
    this.progress.value = python.loaded;
    this.amount.textContent = `${megabytes(python.loaded)} of ${megabytes(TOTAL)} MB`;
    if (loading) this.say("Loading Python");
    else this.say(python.ready ? "Running" : "Starting Python");
    if (text) {
      this.output.append(text);
      this.output.scrollTop = this.output.scrollHeight;
    }
    if (seconds !== undefined) {
      this.release();
      this.say(`${failed ? "Failed after" : "Done in"} ${seconds.toFixed(1)} seconds`);
    }
  }

  stop() {
    lose("Stopped");
  }

  // Without a result of its own: what was recorded is shown again.
  end(why) {
    this.release();
    this.say(why);
    this.restore();
  }

  restore() {
    this.output.textContent = this.recorded;
    this.labelled.dataset.label = this.recordedLabel;
    this.element.classList.remove("ran");
  }

  release() {
    running = undefined;
    this.progress.hidden = this.amount.hidden = true;
    this.label(this.run, "Run");
  }
}

for (const element of document.querySelectorAll(".program[data-runs]")) new Program(element);
