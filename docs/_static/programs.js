// Gives each program of the page its buttons: Run, Stop, Edit, Reset.
// Knows the page; how a program is run is the worker's business (programs_worker.js).

let worker; // has Python loaded, so it is kept from run to run
let running; // the program that runs, if one does

function button(text, whenPressed) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", whenPressed);
  return made;
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
    this.run = button("Run", () => (running === this ? this.stop() : this.start()));
    this.edit = button("Edit", () => (this.editor ? this.reset() : this.open()));
    this.state = document.createElement("span");
    this.state.setAttribute("role", "status");
    for (const [made, what] of [[this.run, "Run"], [this.edit, "Edit"]]) {
      made.setAttribute("aria-label", `${what} ${this.name}`);
    }
    const bar = document.createElement("div");
    bar.className = "program-bar";
    bar.append(this.run, this.edit, this.state);
    this.block.closest("details, div:not([class])").after(bar);
  }

  say(text) {
    this.state.textContent = text;
  }

  label(which, text) {
    which.textContent = text;
    which.setAttribute("aria-label", `${text} ${this.name}`);
  }

  open() {
    this.editor = document.createElement("textarea");
    this.editor.value = this.original;
    this.editor.rows = this.original.split("\n").length;
    this.editor.spellcheck = false;
    this.editor.autocapitalize = "off";
    this.editor.setAttribute("aria-label", `The text of ${this.name}`);
    this.block.hidden = true;
    this.block.after(this.editor);
    const folded = this.block.closest("details");
    if (folded) folded.open = true;
    this.label(this.edit, "Reset");
    this.editor.focus();
  }

  reset() {
    this.editor.remove();
    this.editor = undefined;
    this.block.hidden = false;
    this.label(this.edit, "Edit");
  }

  start() {
    running?.stop();
    running = this;
    worker ??= new Worker(new URL("programs_worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => this.heard(data);
    worker.onerror = (error) => this.fail(error.message ?? "no worker");
    this.output.textContent = "";
    this.output.setAttribute("aria-live", "polite");
    this.labelled.dataset.label = "Output of this run";
    this.element.classList.add("ran");
    this.label(this.run, "Stop");
    this.say("Loading Python …");
    worker.postMessage({ name: this.name, text: this.editor?.value ?? this.original });
  }

  heard({ state, text, failed, seconds }) {
    if (state) this.say(state);
    if (text) this.output.append(text);
    if (failed) this.fail(failed);
    if (seconds !== undefined) {
      this.release();
      this.say(`Done in ${seconds.toFixed(1)} seconds`);
    }
  }

  stop() {
    this.end("Stopped");
  }

  fail(why) {
    this.end(`Python could not be loaded: ${why}`);
    this.output.textContent = this.recorded;
    this.labelled.dataset.label = this.recordedLabel;
    this.element.classList.remove("ran");
  }

  // The worker can't be asked to stop: a program may be in an endless loop.
  end(why) {
    worker.terminate();
    worker = undefined;
    this.release();
    this.say(why);
  }

  release() {
    running = undefined;
    this.label(this.run, "Run");
  }
}

for (const element of document.querySelectorAll(".program[data-runs]")) new Program(element);
