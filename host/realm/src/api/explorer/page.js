"use strict";
// Reads /api/v1/openapi.json and makes a form of every call. The access token lives in this page alone and is gone with it.

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (key === "class") made.className = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  // Texts become text nodes: nothing of an answer is ever read as markup.
  made.append(...children.filter((child) => child !== undefined));
  return made;
};
const find = (id) => document.getElementById(id);
const BODY_CHARACTERS_MAX = 200000;
let description = { paths: {}, components: { schemas: {} } };

const named = (reference) => description.components.schemas[reference.split("/").pop()] ?? {};
const resolved = (schema) => (schema?.$ref ? named(schema.$ref) : schema ?? {});

/** Something of the schema's form to begin with. */
function example(schema, depth = 0) {
  const here = resolved(schema);
  if (here.example !== undefined) return here.example;
  if (here.default !== undefined && here.default !== null) return here.default;
  if (here.enum) return here.enum[0];
  const options = here.oneOf ?? here.anyOf ?? here.allOf;
  if (options) return example(options.find((one) => one.type !== "null") ?? options[0], depth + 1);
  const kind = Array.isArray(here.type) ? here.type.find((one) => one !== "null") : here.type;
  if (kind === "object") {
    const made = {};
    if (depth < 4) for (const [key, value] of Object.entries(here.properties ?? {})) made[key] = example(value, depth + 1);
    return made;
  }
  if (kind === "array") return [];
  if (kind === "integer" || kind === "number") return here.minimum ?? 0;
  if (kind === "boolean") return false;
  return "";
}

const shown = (value) => JSON.stringify(value, null, 2);
const schemaOf = (content) => Object.values(content ?? {})[0]?.schema;

function parameterField(parameter) {
  const about = parameter.description ?? "";
  const input = element("input", {
    name: parameter.name, "data-in": parameter.in, required: parameter.required === true,
    placeholder: parameter.required ? "required" : "", title: about, autocomplete: "off", spellcheck: "false",
  });
  return element("label", {}, `${parameter.name} (${parameter.in})`, input, element("span", {}, about));
}

function call(path, verb, operation) {
  const parameters = operation.parameters ?? [];
  const form = element("form", {});
  if (parameters.length) form.append(element("div", { class: "fields" }, ...parameters.map(parameterField)));
  const bodySchema = schemaOf(operation.requestBody?.content);
  let body;
  if (bodySchema) {
    body = element("textarea", { "aria-label": "Body, as JSON", spellcheck: "false" });
    body.value = shown(example(bodySchema));
    form.append(element("h4", {}, "Body"), body);
  }
  const send = element("button", { type: "submit" }, "Send");
  const answer = element("div", { class: "answer", role: "status" });
  form.append(element("p", {}, send), answer);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    answer.replaceChildren(element("p", {}, "Waiting …"));
    try {
      await perform(path, verb, form, body, answer);
    } catch (problem) {
      answer.className = "answer bad";
      answer.replaceChildren(element("h4", {}, "No answer"), element("p", {}, String(problem)));
    } finally {
      send.disabled = false;
    }
  });

  const answers = Object.entries(operation.responses ?? {}).map(([status, response]) => {
    const schema = schemaOf(response.content);
    const reference = schema?.$ref?.split("/").pop();
    const link = reference ? element("a", { href: `#schema-${reference}` }, reference) : "nothing";
    return element("li", {}, element("code", {}, status), " ", response.description || "", " ", link);
  });
  const badges = [];
  if (operation.security?.length) badges.push(element("span", { class: "badge" }, "token"));
  const asked = operation["x-permission"] ?? "";
  // Of a verb that asks for another permission with each kind of what it does, all of them.
  const permission = typeof asked === "string" ? asked : Object.entries(asked).map(([kind, name]) => `${kind}: ${name}`).join(", ");
  if (permission) badges.push(element("span", { class: "badge" }, permission));
  const text = [operation.summary, operation.description].filter(Boolean);
  return element("details", { "data-text": `${verb} ${path} ${text.join(" ")} ${permission}`.toLowerCase() },
    element("summary", {},
      element("span", { class: `verb ${verb}` }, verb.toUpperCase()), element("span", { class: "path" }, path),
      element("span", { class: "what" }, text[0] ?? ""), ...badges),
    element("div", { class: "body" }, ...text.slice(1).map((line) => element("p", {}, line)), form,
      element("h4", {}, "Answers"), element("ul", {}, ...answers)));
}

async function perform(path, verb, form, body, answer) {
  const headers = new Headers();
  const query = new URLSearchParams();
  let address = path;
  for (const input of form.querySelectorAll("input[data-in]")) {
    if (input.value === "") continue;
    if (input.dataset.in === "path") address = address.replace(`{${input.name}}`, encodeURIComponent(input.value));
    else if (input.dataset.in === "query") query.append(input.name, input.value);
    else headers.set(input.name, input.value);
  }
  const token = find("token").value.trim();
  if (token) headers.set("Authorization", `Bearer ${token}`);
  const request = { method: verb.toUpperCase(), headers };
  if (body) {
    headers.set("Content-Type", "application/json");
    request.body = body.value;
  }
  if (query.size) address += `?${query}`;
  const begin = performance.now();
  const response = await fetch(address, request);
  const text = (await response.text()).slice(0, BODY_CHARACTERS_MAX);
  const took = Math.round(performance.now() - begin);
  let pretty = text;
  try { pretty = shown(JSON.parse(text)); } catch { /* No JSON: shown as it came. */ }
  const kept = ["etag", "retry-after", "content-type"].filter((name) => response.headers.get(name));
  answer.className = `answer ${response.ok ? "good" : "bad"}`;
  answer.replaceChildren(
    element("h4", {}, `${response.status} in ${took} ms`),
    element("p", {}, ...kept.map((name) => element("code", {}, `${name}: ${response.headers.get(name)} `))),
    element("pre", { tabindex: "0" }, pretty || "(no body)"));
}

function show() {
  const { info, paths, tags = [], components } = description;
  find("title").textContent = `${info.title} ${info.version ?? ""}`;
  find("about").textContent = info.description ?? "";
  const groups = new Map(tags.map((tag) => [tag.name, { about: tag.description, calls: [] }]));
  for (const [path, verbs] of Object.entries(paths)) {
    for (const [verb, operation] of Object.entries(verbs)) {
      const tag = operation.tags?.[0] ?? "other";
      if (!groups.has(tag)) groups.set(tag, { about: "", calls: [] });
      groups.get(tag).calls.push(call(path, verb, operation));
    }
  }
  for (const [tag, { about, calls }] of groups) {
    if (!calls.length) continue;
    find("calls").append(element("section", {}, element("h2", {}, tag), element("p", {}, about ?? ""), ...calls));
  }
  for (const [name, schema] of Object.entries(components.schemas ?? {})) {
    find("schemas").append(element("details", { id: `schema-${name}` },
      element("summary", {}, element("span", { class: "path" }, name)),
      element("div", { class: "body" }, element("p", {}, schema.description ?? ""), element("pre", { tabindex: "0" }, shown(schema)))));
  }
  narrow();
}

function narrow() {
  const words = find("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const one of document.querySelectorAll("#calls details")) {
    one.hidden = !words.every((word) => one.dataset.text.includes(word));
    if (!one.hidden) count += 1;
  }
  for (const group of document.querySelectorAll("#calls section")) group.hidden = !group.querySelector("details:not([hidden])");
  find("count").textContent = `${count} calls`;
}

function speaks(sentence, known) {
  find("speaker").textContent = sentence;
  find("leave").hidden = !known;
}

find("filter").addEventListener("input", narrow);
find("account").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { name, password } = Object.fromEntries(new FormData(event.target));
  try {
    const response = await fetch("/api/v1/auth/login", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name, password }),
    });
    const answer = await response.json();
    if (!response.ok) return speaks(answer.detail ?? "It was refused.", false);
    find("token").value = answer.access_token;
    event.target.elements.password.value = "";
    speaks(`${answer.account.name}, ${answer.account.role}; for ${Math.round(answer.access_expires_seconds / 60)} minutes.`, true);
  } catch (problem) {
    speaks(String(problem), false);
  }
});
find("leave").addEventListener("click", () => {
  find("token").value = "";
  speaks("Nobody: only calls that need no token work.", false);
});
// A link to a schema opens it.
window.addEventListener("hashchange", () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.tagName === "DETAILS") target.open = true;
});

fetch("/api/v1/openapi.json").then((response) => response.json()).then((read) => {
  description = read;
  show();
}).catch((problem) => {
  find("about").textContent = `The description cannot be read: ${problem}`;
});
