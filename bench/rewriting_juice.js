// juice, as a peer of rewriting.py: reads documents as JSON, writes milliseconds of CPU (its collector's threads included).
const loaded = require("juice");
const juice = loaded.default ?? loaded;
const documents = JSON.parse(require("fs").readFileSync(0, "utf8"));
const warm = "<style>p { color: red }</style><p><a href=http://x.example>x</a>";
juice(warm);
const taken = [];
for (const document of documents) {
    const start = process.cpuUsage();
    juice(document);
    const used = process.cpuUsage(start);
    taken.push((used.user + used.system) / 1e3);
}
const half = taken.slice(taken.length >> 1).sort((one, other) => one - other);
process.stdout.write(JSON.stringify({ "juice (css)": [taken[0], half[half.length >> 1]] }));
