// Looks at every entry point of the package.json files at the top and in frontend/: the fields main,
// module and source, and the module scripts of index.html. Prints one line for each that names no file:
//   <folder> <field|index.html> <what it says> -> <the file in src/ it should name, or "none">
// The arrow is `=>` for what `--fix` mends; `->` stands for what is mended by update_package_json (main,
// when the file has one of the usual names) or by nobody. Exits 1 when anything is wrong at the end.
const fs = require("node:fs");
const path = require("node:path");

const fix = process.argv.includes("--fix");
const endings = ["jsx", "tsx", "js", "ts"];
const candidates = ["main", "index"].flatMap((name) => endings.map((ending) => `src/${name}.${ending}`));
const wrong = [];
const isFile = (file) => fs.existsSync(file) && fs.statSync(file).isFile();

// A file that is there under the same name with another ending is the likeliest; then the usual names.
function choose(folder, said) {
  const stem = said.replace(/^\.?\//, "").replace(/\.[^./]+$/, "");
  const same = stem.startsWith("src/") ? endings.map((ending) => `${stem}.${ending}`) : [];
  return [...same, ...candidates].find((file) => isFile(path.join(folder, file))) ?? "none";
}

function resolves(folder, said) {
  const file = path.join(folder, said);
  return [file, `${file}.js`, `${file}.json`, path.join(file, "index.js")].some(isFile);
}

function report(folder, field, said, file, mend) {
  const mends = file !== "none" && !(field === "main" && candidates.includes(file));
  if (fix && mends) {
    mend(file);
    console.log(`${folder} ${field} ${said} is now ${file}`);
  } else {
    wrong.push(`${folder} ${field} ${said} ${mends ? "=>" : "->"} ${file}`);
  }
}

function checkPackage(folder) {
  const name = path.join(folder, "package.json");
  for (const field of ["main", "module", "source"]) {
    const text = fs.readFileSync(name, "utf8");
    const said = JSON.parse(text)[field];
    if (typeof said !== "string" || resolves(folder, said)) continue;
    report(folder, field, said, choose(folder, said), (file) => {
      const manifest = JSON.parse(text);
      manifest[field] = file;
      fs.writeFileSync(name, JSON.stringify(manifest, null, /^\t/m.test(text) ? "\t" : 2) + "\n");
    });
  }
}

function checkPage(folder) {
  const name = path.join(folder, "index.html");
  if (!isFile(name)) return;
  const scripts = /(<script\b[^>]*\bsrc\s*=\s*["'])([^"']+)(["'])/gi;
  for (const [, before, said, after] of fs.readFileSync(name, "utf8").matchAll(scripts)) {
    if (/^([a-z]+:)?\/\//i.test(said) || said.includes("%")) continue;
    const bare = said.replace(/[?#].*$/, "");
    if (isFile(path.join(folder, bare)) || isFile(path.join(folder, "public", bare))) continue;
    report(folder, "index.html", said, choose(folder, bare), (file) => {
      const start = said.startsWith("/") ? "/" : "./";
      const text = fs.readFileSync(name, "utf8");
      fs.writeFileSync(name, text.replace(before + said + after, () => `${before}${start}${file}${after}`));
    });
  }
}

const folders = [".", "frontend"].filter((folder) => isFile(path.join(folder, "package.json")));
if (folders.length === 0) wrong.push("no package.json at the top or in frontend/");
for (const folder of folders) {
  checkPackage(folder);
  checkPage(folder);
}
console.log(wrong.length === 0 ? "every entry point names a file" : wrong.join("\n"));
process.exit(wrong.length === 0 ? 0 : 1);
