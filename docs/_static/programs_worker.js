// Loads Python, which is Pyodide from this very site, and runs one program after the other in it.
// Knows nothing of the page.

import { loadPyodide } from "../_live/pyodide.mjs";

async function file(name) {
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response;
}

async function load() {
  const [python, library, runner] = await Promise.all([
    // Unbuffered, so that the reader sees output as it comes.
    loadPyodide({ env: { HOME: "/home/pyodide", PYTHONUNBUFFERED: "1" } }),
    file("../_live/multi_await.whl").then((response) => response.arrayBuffer()),
    file("programs_run.py").then((response) => response.text()),
  ]);
  const decoder = new TextDecoder();
  const write = (bytes) => {
    postMessage({ text: decoder.decode(bytes, { stream: true }) });
    return bytes.length;
  };
  python.setStdout({ write });
  python.setStderr({ write });
  python.unpackArchive(library, "wheel");
  return python.runPython(`${runner}\nrun`);
}

const loaded = load();

onmessage = async ({ data: { name, text } }) => {
  try {
    const run = await loaded;
    postMessage({ state: "Running …" });
    const start = performance.now();
    await run(name, text);
    postMessage({ seconds: (performance.now() - start) / 1000 });
  } catch (error) {
    postMessage({ failed: error.message });
  }
};
