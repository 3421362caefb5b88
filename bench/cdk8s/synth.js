// The objects of a JSON file as one cdk8s chart: node synth.js OBJECTS OUTPUT
const { readFileSync } = require("fs");
const { ApiObject, App, Chart } = require("cdk8s");

const [objects, outdir] = process.argv.slice(2);
const app = new App({ outdir });
const chart = new Chart(app, "bench");
JSON.parse(readFileSync(objects)).forEach((body, number) => new ApiObject(chart, `${number}`, body));
app.synth();
