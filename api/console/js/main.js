// Wires the page together.

import * as api from "./api/endpoints.js";
import { App } from "./app.js";
import { announceIn } from "./view/announce.js";

announceIn(document.getElementById("announcements"));
const app = new App(document);
app.start(api.me);
