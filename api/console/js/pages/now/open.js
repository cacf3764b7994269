// The open executions, each with its speed.

import { grouped, perSecond } from "../../format/number.js";
import { span } from "../../format/time.js";
import { executionLink } from "../../view/execution_link.js";
import { progressBar } from "../../view/progress_bar.js";
import { executionStatus } from "../../view/status.js";
import { listTable, number } from "../../view/table.js";

export function openTable(executions, rates) {
  const rate = (execution) => rates.get(execution.execution_id);
  const columns = [
    ["Status", executionStatus],
    ["Execution", executionLink],
    ["Progress", progressBar],
    ["Rate", (execution) => number(perSecond(rate(execution)?.perSecond(execution) ?? NaN))],
    ["Time left", (execution) => timeLeft(rate(execution)?.left(execution) ?? null)],
    ["In flight", (execution) => number(grouped(execution.in_flight ?? execution.running))],
    ["Pending", (execution) => number(grouped(execution.pending))],
  ];
  return listTable({ columns, rows: executions, key: (execution) => execution.execution_id });
}

const timeLeft = (left) => (left === null ? "–" : `about ${span(left)}`);
