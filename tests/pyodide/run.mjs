// The tests in Pyodide, the Python of the browsers, under Node:
//
//     node tests/pyodide/run.mjs WHEELS [options of pytest]
//
// WHEELS is a folder with the wheels of pytest and of what else the tests need. Pyodide is the one
// of the site's Run buttons. What goes on inside is in run.py, beside this file.
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { loadPyodide } from "../../docs/node_modules/pyodide/pyodide.mjs";

const [wheels, ...options] = process.argv.slice(2);
const env = { PYTHONDONTWRITEBYTECODE: "1", SCHEDULES: process.env.SCHEDULES ?? "20" };
const pyodide = await loadPyodide({ env });
pyodide.mountNodeFS("/checkout", resolve(import.meta.dirname, "../.."));
const paths = readdirSync(wheels).filter((name) => name.endsWith(".whl"));
await pyodide.loadPackage(paths.map((name) => join(wheels, name)), { messageCallback: () => {} });
try {
  pyodide.runPython("import sys; sys.path[:0] = ['/checkout', '/checkout/src']");
  process.exitCode = pyodide.pyimport("tests.pyodide.run").main(options);
} catch (error) {
  console.error(error.message); // without the frames, which show the whole of pyodide.asm.mjs
  process.exitCode = 1;
}
