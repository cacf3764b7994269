// Every page of the console, with something on it.

import { newest } from "./server.js";

/** Names and addresses. */
export async function everyPage() {
  const id = async (job) => (await newest(job)).execution_id;
  const [failing, running, done, external] = [
    await id("invoices"),
    await id("transcode"),
    await id("thumbnails"),
    await id("feed"),
  ];
  return {
    executions: "#/executions",
    execution: `#/executions/${failing}`,
    "execution-running": `#/executions/${running}`,
    "execution-succeeded": `#/executions/${done}`,
    "execution-external": `#/executions/${external}`,
    "execution-group": `#/executions/${failing}?groups=0-0`,
    segment: `#/executions/${failing}/segments/7`,
    waiting: "#/waiting",
    now: "#/now",
    unknown: "#/no-such-page",
  };
}
