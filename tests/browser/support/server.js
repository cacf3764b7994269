// The consoles under test. `run` starts them, and says where they are.

/** A console by its name: `main`, `read_only`, `large`. */
export function server(name = "main") {
  const of = (what) => process.env[`CONSOLE_${name.toUpperCase()}_${what}`];
  if (!of("URL")) throw new Error(`CONSOLE_${name.toUpperCase()}_URL is not set: tests/browser/run sets it`);
  return { url: of("URL"), token: of("TOKEN"), dataDir: of("DATA_DIR") };
}

/** Asks the API, as a program does. */
export async function ask(path, of = server()) {
  const response = await fetch(`${of.url}/api/v1${path}`, { headers: { authorization: `Bearer ${of.token}` } });
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status}: ${await response.text()}`);
  return response.json();
}

/** The newest execution of a job. */
export async function newest(job, of = server()) {
  const { executions } = await ask(`/executions?job=${encodeURIComponent(job)}&limit=1`, of);
  if (executions.length === 0) throw new Error(`there is no execution of the job ${job}: tests/browser/data makes it`);
  return executions[0];
}

/** The address of its page. */
export async function pageOf(job, of = server()) {
  return `#/executions/${(await newest(job, of)).execution_id}`;
}
