// Loads Python, which is Pyodide from this very site, and runs one program after the other in it.
// Knows nothing of the page.

const MOST = 100_000; // characters of output: an endless loop that prints must not choke the page

// Pyodide waits forever for a file that does not come, so each failure is told here and at once.
function told(of, name, call) {
  const plain = of[name].bind(of);
  of[name] = async (...args) => {
    try {
      return await call(plain, ...args);
    } catch (error) {
      postMessage({ broken: error.message });
      throw error;
    }
  };
}

let loaded = 0;

told(self, "fetch", async (plain, url, options) => {
  const response = await plain(url, options);
  const name = new URL(url, import.meta.url).pathname.split("/").pop();
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  count(response.clone()).catch((error) => postMessage({ broken: `${name}: ${error.message}` }));
  return response; // itself: of a copy the browser would not keep what it has compiled
});

async function count(response) {
  const reader = response.body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    loaded += read.value.length;
    postMessage({ loaded });
  }
}

told(WebAssembly, "instantiateStreaming", (plain, ...args) => plain(...args));

let room; // for output of this run

function write(text) {
  if (room > 0) postMessage({ text: text.slice(0, room) });
  if (room > 0 && room <= text.length) postMessage({ text: `\n… and no more than ${MOST} characters\n` });
  room -= text.length;
}

async function load() {
  const { loadPyodide } = await import("../_live/pyodide.mjs");
  const [python, library, runner] = await Promise.all([
    // Unbuffered, so that the reader sees output as it comes.
    loadPyodide({ env: { HOME: "/home/pyodide", PYTHONUNBUFFERED: "1" } }),
    fetch(new URL("../_live/multi_await.whl", import.meta.url)).then((file) => file.arrayBuffer()),
    fetch(new URL("programs_run.py", import.meta.url)).then((file) => file.text()),
  ]);
  const decoder = new TextDecoder();
  const stream = (bytes) => {
    write(decoder.decode(bytes, { stream: true }));
    return bytes.length;
  };
  python.setStdout({ write: stream });
  python.setStderr({ write: stream });
  python.unpackArchive(library, "wheel");
  return python.runPython(`${runner}\nrun`);
}

const ready = load();
ready.then(
  () => postMessage({ ready: true }),
  (error) => postMessage({ broken: error.message }),
);

onmessage = async ({ data: { name, text } }) => {
  const run = await ready;
  room = MOST;
  const start = performance.now();
  const failed = await run(name, text);
  postMessage({ failed, seconds: (performance.now() - start) / 1000 });
};
