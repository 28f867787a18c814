// Shows the items of the page: filters, sorts and pages them, shows the rows of one, and downloads a selection.
// All text of the data is set as textContent, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const rows = data.rows;
const SIDE = 28, GAP = 1, PER_LINE = 4, MOST_PICTURES = 8;
const find = (id) => document.getElementById(id);

const KINDS = {
  pairs: {
    title: "Pairs across splits", across: 3, sorts: ["order", "distance", "letter", "font"], order: "one of each group first",
    about: `Rows of two splits that show the same image: equal pixels, or at most the radius ${data.radius} apart. Both images and, if they differ, their amplified difference.`,
  },
  removed: {
    title: "Removed rows", across: 3, sorts: ["order", "distance", "letter", "font"], order: "one of each group first",
    about: "Rows that sanitizing removed, each with the row that it collides with and their amplified difference.",
  },
  groups: {
    title: "Duplicate groups", across: 4, sorts: ["order", "size", "distance", "letter", "font"], order: "method, letters in turn",
    about: "Rows that show the same image. near: connected by distances within the radius; exact: equal pixels; cells: equal maxima of 4x4 cells, which also matches images that are no copies. In bold: the number of rows of each letter.",
  },
  conflicts: {
    title: "Label conflicts", across: 4, sorts: ["order", "size", "distance", "letter", "font"], order: "method, letters in turn",
    about: "Duplicate groups whose rows have different letters: at least one label of each is wrong, unless near images only look alike. A near group of equal images only is listed as exact. In bold: the number of rows of each letter.",
  },
  issues: {
    title: "Label issues", across: 1, sorts: ["order", "letter", "font"], order: "label quality",
    about: "Rows of the splits whose label is likely wrong, the most likely first; labels/issues has the images of no split too. The number is the label quality, between 0 and 1.",
  },
  mistakes: {
    title: "Confident mistakes", across: 1, sorts: ["order", "letter", "font"], order: "probability",
    about: "Rows of valid and test that a model predicts as another letter, with the probability that it gives; the most confident first.",
  },
  rejected: {
    title: "Rejected files", across: 1, sorts: ["order", "letter"], order: "set and letter",
    about: "Files of the archives that are no readable 28x28 gray images. They have no picture and are in no split.",
  },
};
const SORTS = { distance: "distance", size: "rows", letter: "letter", font: "font" };
const ACTIONS = { drop: "drop", keep: "keep", ...Object.fromEntries(data.letters.map((letter) => [`relabel ${letter}`, `relabel to ${letter}`])) };
const FIELDS = ["split", "letter", "reason", "method", "font", "from", "to", "sort", "order", "per", "zoom"];
const DEFAULTS = { per: "60", zoom: "3" };
const PER_PAGE = ["30", "60", "120", "240"];

const kinds = Object.keys(KINDS).filter((kind) => data.items[kind]);
for (const kind of kinds) {
  const items = data.items[kind];
  items.starts = items.sizes.reduce((starts, size) => (starts.push(starts.at(-1) + size), starts), [0]);
}
const state = { kind: kinds[0], page: 1 };
const selection = new Map();  // row -> action
let matches = [];
let opened = null;  // the number of the item whose rows are shown
let shownRow = null;

// Text

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// Control characters, marks that change the direction of text, and other invisible characters become escapes.
const printable = (text) => text.replace(/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, (char) => `\\u{${char.codePointAt(0).toString(16)}}`);
const quoted = (text) => element("bdi", { textContent: printable(text) });
const short = (number) => String(Number(number.toPrecision(3)));
const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
const letterOf = (row) => data.letters[rows.label[row] < 0 ? rows.letter[row] : rows.label[row]];
const splitOf = (row) => (rows.split[row] < 0 ? "" : data.splits[rows.split[row]]);
const fontOf = (row) => data.fonts[rows.font[row]];
const nameOf = (row) => data.names[rows.name[row]];
const keyOf = (row) => `${data.sets[rows.set[row]]}/${data.letters[rows.letter[row]]}/${nameOf(row)}`;
const reasonOf = (row) => (rows.reason[row] < 0 ? "" : data.reasons[rows.reason[row]]);
const isLeak = (row) => reasonOf(row).startsWith("also in");
const shortRow = (row) => (rows.split[row] < 0 ? `${data.sets[rows.set[row]]} ${letterOf(row)}` : `${splitOf(row)} ${letterOf(row)}`);
const fullRow = (row) => (rows.split[row] < 0 ? "in no split" : `${splitOf(row)} ${rows.row[row]}`);

// Items of the current kind

const items = () => data.items[state.kind];
const rowsOf = (item) => items().rows.slice(items().starts[item], items().starts[item + 1]);
const textOf = (item, name) => items().texts[name][items()[name][item]];
const distanceOf = (item) => items().distance[item];

function captionOf(item) {
  const members = rowsOf(item), [first, other] = members, distance = distanceOf(item);
  const apart = distance === null ? "" : distance === 0 ? "equal pixels" : `distance ${short(distance)}`;
  switch (state.kind) {
    case "pairs": return [`${shortRow(first)} | ${shortRow(other)}`, apart, fontOf(first)];
    case "removed": return [`${shortRow(first)}: ${textOf(item, "reason")}`, other === undefined ? "" : `${apart || "equal cells"}, ${shortRow(other)}`, fontOf(first)];
    case "rejected": return [`${shortRow(first)}: ${textOf(item, "reason")}`, textOf(item, "note"), nameOf(first)];
    case "issues": case "mistakes": {
      const [letter, ...numbers] = textOf(item, "note").split(", ");
      const number = numbers.join(", ").replace("quality ", "");
      return [`${shortRow(first)}: ${letter}`, [textOf(item, "reason"), number].filter(Boolean).join(", "), fontOf(first)];
    }
    default: return [textOf(item, "note"), `${textOf(item, "method")}, ${counted(items().size[item], "row")}${distance ? `, up to ${short(distance)}` : ""}`, fontOf(first)];
  }
}

function picturesOf(item) {
  const members = rowsOf(item).map((row) => rows.image[row]).filter((image) => image >= 0);
  if (state.kind === "pairs" || state.kind === "removed") {
    return members.length === 2 && members[0] !== members[1] ? [...members, members.slice()] : members;
  }
  return [...new Set(members)].slice(0, MOST_PICTURES);
}

// Filters

function matching() {
  const found = [], own = items(), wanted = (name) => own.texts[name].indexOf(state[name]);
  const method = state.method ? wanted("method") : -1, reason = state.reason ? wanted("reason") : -1;
  const split = state.split ? data.splits.indexOf(state.split) : -1;
  const letter = state.letter ? data.letters.indexOf(state.letter) : -1;
  const query = (state.font ?? "").toLowerCase();
  const has = (texts) => texts.map((text) => text.toLowerCase().includes(query));
  const fonts = query && has(data.fonts), names = query && has(data.names);
  const from = state.from ? Number(state.from) : null, to = state.to ? Number(state.to) : null;
  const byRow = split >= 0 || letter >= 0 || query;
  for (let item = 0; item < own.sizes.length; item++) {
    if (state.method && own.method[item] !== method) continue;
    if (state.reason && own.reason[item] !== reason) continue;
    const distance = own.distance[item];
    if (from !== null && !(distance !== null && distance >= from)) continue;
    if (to !== null && !(distance !== null && distance <= to)) continue;
    if (byRow) {
      // Of a removed row and the row it collides with, only the removed one counts.
      const start = own.starts[item], end = state.kind === "removed" ? start + 1 : own.starts[item + 1];
      let matched = false;
      for (let place = start; place < end && !matched; place++) {
        const row = own.rows[place];
        matched = (split < 0 || rows.split[row] === split)
          && (letter < 0 || (rows.label[row] < 0 ? rows.letter[row] : rows.label[row]) === letter)
          && (!query || fonts[rows.font[row]] || names[rows.name[row]]);
      }
      if (!matched) continue;
    }
    found.push(item);
  }
  return found;
}

const collator = new Intl.Collator("en", { numeric: true });

function sorted(found) {
  const own = items(), sort = state.sort ?? KINDS[state.kind].sorts[0], first = (item) => own.rows[own.starts[item]];
  if (sort === "letter" || sort === "font") {
    const ranks = sort === "font" && rankOf(data.fonts);
    const value = sort === "font" ? (item) => ranks[rows.font[first(item)]] : (item) => rows.letter[first(item)];
    found.sort((one, other) => value(one) - value(other) || one - other);
  } else if (sort !== "order") {
    const value = (item) => own[sort][item] ?? Infinity;
    found.sort((one, other) => (value(one) === value(other) ? one - other : value(other) - value(one)));
  }
  return state.order === "reversed" ? found.reverse() : found;
}

function rankOf(texts) {
  const ranks = new Int32Array(texts.length);
  [...texts.keys()].sort((one, other) => collator.compare(texts[one], texts[other])).forEach((place, rank) => { ranks[place] = rank; });
  return ranks;
}

// Pictures: each sheet is decoded once; a canvas has a pixel per pixel, and the style enlarges it.

const sheets = [...document.querySelectorAll("img.sheet")];
const bitmaps = [];
const pixelReader = new OffscreenCanvas(SIDE, SIDE).getContext("2d", { willReadFrequently: true });

async function decodeSheets() {
  for (const [number, sheet] of sheets.entries()) {
    await sheet.decode();
    bitmaps[number] = await createImageBitmap(sheet);
    sheet.remove();
    document.querySelectorAll("canvas[data-waits]").forEach(paint);
  }
  document.body.dataset.decoded = "yes";
}

function blit(context, image, left, top) {
  const bitmap = bitmaps[Math.floor(image / data.perSheet)], place = image % data.perSheet;
  if (!bitmap) return false;
  context.drawImage(bitmap, (place % data.columns) * SIDE, Math.floor(place / data.columns) * SIDE, SIDE, SIDE, left, top, SIDE, SIDE);
  return true;
}

function difference([one, other]) {
  const [a, b] = [one, other].map((image) => {
    if (!blit(pixelReader, image, 0, 0)) return null;
    return pixelReader.getImageData(0, 0, SIDE, SIDE).data;
  });
  if (!a || !b) return null;
  const gray = Array.from({ length: SIDE * SIDE }, (_, pixel) => Math.abs(a[4 * pixel] - b[4 * pixel]));
  const most = Math.max(1, ...gray), made = new ImageData(SIDE, SIDE);
  gray.forEach((value, pixel) => made.data.set([value, value, value].map((level) => (level * 255) / most).concat(255), 4 * pixel));
  return made;
}

function paint(canvas) {
  const context = canvas.getContext("2d");
  const complete = canvas.images.map((image, place) => {
    const left = (place % PER_LINE) * (SIDE + GAP), top = Math.floor(place / PER_LINE) * (SIDE + GAP);
    if (!Array.isArray(image)) return blit(context, image, left, top);
    const made = difference(image);
    if (made) context.putImageData(made, left, top);
    return made !== null;
  });
  if (complete.every(Boolean)) delete canvas.dataset.waits;
}

function canvasOf(images, zoom) {
  const across = Math.min(images.length, PER_LINE), lines = Math.ceil(images.length / PER_LINE);
  const canvas = element("canvas", { width: across * (SIDE + GAP) - GAP, height: lines * (SIDE + GAP) - GAP, images });
  canvas.ariaHidden = "true";
  canvas.style.width = zoom ? `${canvas.width * zoom}px` : `calc(${canvas.width}px * var(--zoom))`;
  canvas.dataset.waits = "yes";
  paint(canvas);
  return canvas;
}

// The list

function render() {
  matches = sorted(matching());
  document.documentElement.style.setProperty("--zoom", state.zoom ?? DEFAULTS.zoom);
  find("items").style.setProperty("--across", KINDS[state.kind].across);
  for (const button of find("kinds").children) {
    if (button.value !== state.kind) button.removeAttribute("aria-current");
    else {
      button.setAttribute("aria-current", "true");
      find("kinds").scrollLeft = button.offsetLeft - find("kinds").offsetLeft;
    }
  }
  find("about").textContent = KINDS[state.kind].about + omission();
  renderFilters();
  renderPage();
}

function omission() {
  const { total, sizes } = items(), shown = sizes.length;
  return shown < total ? ` The page has room for ${shown.toLocaleString("en")} of ${total.toLocaleString("en")}: the first, and a sample of the others with a fixed seed.` : "";
}

const perPage = () => Number(state.per ?? DEFAULTS.per);
const lastPage = () => Math.max(1, Math.ceil(matches.length / perPage()));

function renderPage() {
  state.page = Math.min(Math.max(1, state.page), lastPage());
  const start = (state.page - 1) * perPage(), shown = matches.slice(start, start + perPage());
  find("items").replaceChildren(...shown.map(card));
  const all = items().sizes.length;
  find("status").textContent = matches.length
    ? `${(start + 1).toLocaleString("en")} to ${(start + shown.length).toLocaleString("en")} of ${matches.length.toLocaleString("en")}${matches.length < all ? ` that match, ${all.toLocaleString("en")} in all` : ""}`
    : all ? "None match these filters." : "None.";
  find("page").value = state.page;
  find("page").max = lastPage();
  find("of").textContent = `of ${lastPage().toLocaleString("en")}`;
  find("previous").disabled = state.page === 1;
  find("next").disabled = state.page === lastPage();
  if (!shown.includes(opened)) show(shown[0] ?? null);
  writeAddress();
}

function card(item) {
  const [lead, ...rest] = captionOf(item).map(printable), images = picturesOf(item);
  const button = element("button", { type: "button", className: "open", value: item });
  button.setAttribute("aria-controls", "detail");
  if (images.length) button.append(canvasOf(images));
  button.append(element("span", { className: "lead", textContent: lead, title: lead }), ...rest.map((text) => element("span", { className: "quiet", textContent: text, title: text })));
  button.ariaExpanded = String(item === opened);
  const box = element("input", { type: "checkbox", value: item, checked: isSelected(item), indeterminate: isPartlySelected(item) });
  const label = element("label", { className: "pick" }, box, element("span", { className: "sr", textContent: `Select ${lead}` }));
  return element("li", { className: isSelected(item) ? "card selected" : "card" }, button, label);
}

find("items").addEventListener("click", ({ target }) => {
  const button = target.closest("button.open");
  if (button) show(Number(button.value), { focus: true });
});

find("items").addEventListener("keydown", (event) => {
  const buttons = [...find("items").querySelectorAll("button.open")], place = buttons.indexOf(document.activeElement);
  if (place < 0) return;
  const top = buttons[0].getBoundingClientRect().top;
  const across = buttons.filter((button) => button.getBoundingClientRect().top === top).length;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across, Home: -place, End: buttons.length - 1 - place }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  buttons[Math.min(Math.max(0, place + step), buttons.length - 1)].focus();
});

// Filters as a form

const field = (name) => find("filters").elements[name];

function renderFilters() {
  const own = items(), count = (values) => values.reduce((counts, value) => counts.set(value, (counts.get(value) ?? 0) + 1), new Map());
  for (const name of ["reason", "method"]) {
    const counts = count(own[name]);
    const texts = own.texts[name].map((text, place) => [text, `${text} (${(counts.get(place) ?? 0).toLocaleString("en")})`]).filter(([text]) => text);
    fill(field(name), [["", "all"], ...texts.sort(([one], [other]) => collator.compare(one, other))], state[name]);
    field(name).closest("label").hidden = texts.length < 1;
  }
  fill(field("split"), [["", "all"], ...data.splits.map((name) => [name, name])], state.split);
  field("split").closest("label").hidden = state.kind === "rejected";
  fill(field("letter"), [["", "all"], ...data.letters.map((letter) => [letter, letter])], state.letter);
  fill(field("sort"), KINDS[state.kind].sorts.map((sort) => [sort, SORTS[sort] ?? KINDS[state.kind].order]), state.sort ?? KINDS[state.kind].sorts[0]);
  fill(field("per"), PER_PAGE.map((size) => [size, size]), state.per ?? DEFAULTS.per);
  field("distance").hidden = !own.distance.some((distance) => distance !== null);
  for (const name of ["font", "from", "to", "order"]) if (field(name).value !== (state[name] ?? "")) field(name).value = state[name] ?? "";
  field("zoom").value = state.zoom ?? DEFAULTS.zoom;
}

function fill(select, options, value) {
  select.replaceChildren(...options.map(([name, text]) => element("option", { value: name, textContent: text, selected: name === (value ?? "") })));
}

find("filters").addEventListener("submit", (event) => event.preventDefault());
find("filters").addEventListener("input", ({ target }) => {
  state[target.name] = target.value === (DEFAULTS[target.name] ?? "") ? undefined : target.value;
  if (target.name === "zoom") {
    document.documentElement.style.setProperty("--zoom", target.value);
    writeAddress();
    return;
  }
  state.page = 1;
  matches = sorted(matching());
  renderPage();
});
find("filters").addEventListener("reset", (event) => {
  event.preventDefault();
  for (const name of FIELDS) state[name] = undefined;
  state.page = 1;
  render();
});

function go(page) {
  state.page = page;
  renderPage();
  find("status").scrollIntoView({ block: "nearest" });
}
find("previous").addEventListener("click", () => go(state.page - 1));
find("next").addEventListener("click", () => go(state.page + 1));
find("page").addEventListener("change", ({ target }) => go(Math.round(Number(target.value)) || 1));

// The address: #kind&letter=A&reason=repeat

function writeAddress() {
  const chosen = FIELDS.filter((name) => state[name]).map((name) => [name, state[name]]);
  if (state.page > 1) chosen.push(["page", state.page]);
  const rest = new URLSearchParams(chosen).toString();
  history.replaceState(null, "", `#${state.kind}${rest && `&${rest}`}`);
}

function readAddress() {
  const [kind, ...rest] = location.hash.slice(1).split("&"), chosen = new URLSearchParams(rest.join("&"));
  state.kind = kinds.includes(kind) ? kind : kinds[0];
  for (const name of FIELDS) state[name] = chosen.get(name) || undefined;
  state.page = Math.round(Number(chosen.get("page"))) || 1;
  opened = null;
  render();
}
window.addEventListener("hashchange", readAddress);

find("kinds").append(...kinds.map((kind) => element("button", { type: "button", value: kind, textContent: `${KINDS[kind].title} ${data.items[kind].total.toLocaleString("en")}` })));
find("kinds").addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (!button) return;
  for (const name of FIELDS) if (name !== "zoom" && name !== "per") state[name] = undefined;
  Object.assign(state, { kind: button.value, page: 1 });
  opened = null;
  render();
});

// The rows of one item

const detail = find("detail");
let nearOf = null, rowsOfImage = null;

function neighboursOf(row) {
  if (!nearOf) {
    nearOf = new Map();
    data.near.of.forEach((image, place) => nearOf.set(image, [...(nearOf.get(image) ?? []), [data.near.image[place], data.near.distance[place]]]));
    rowsOfImage = new Map();
    rows.image.forEach((image, number) => rowsOfImage.set(image, [...(rowsOfImage.get(image) ?? []), number]));
  }
  const same = rowsOfImage.get(rows.image[row]).filter((other) => other !== row).map((other) => [other, 0]);
  const near = (nearOf.get(rows.image[row]) ?? []).map(([image, distance]) => [rowsOfImage.get(image)[0], distance]);
  return [...same.slice(0, MOST_PICTURES), ...near].slice(0, 2 * MOST_PICTURES);
}

function show(item, { focus = false } = {}) {
  opened = item;
  for (const button of find("items").querySelectorAll("button.open")) button.ariaExpanded = String(Number(button.value) === item);
  if (item === null) {
    detail.replaceChildren(element("p", { textContent: "Select a picture to see its rows." }));
    return;
  }
  showRow(rowsOf(item)[0], { focus });
}

function thumbs(entries, current) {
  return element("ul", { className: "thumbs" }, ...entries.map(([row, text]) => {
    const button = element("button", { type: "button", value: row });
    if (rows.image[row] >= 0) button.append(canvasOf([rows.image[row]], 1.5));
    button.append(text);
    if (row === current) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => showRow(row, { focus: true }));
    return element("li", {}, button);
  }));
}

function showRow(row, { focus = false } = {}) {
  shownRow = row;
  const members = opened === null ? [] : rowsOf(opened), total = opened === null ? 0 : items().size[opened];
  const facts = element("dl");
  const fact = (name, ...values) => facts.append(element("dt", { textContent: name }), element("dd", {}, ...values));
  const copy = element("button", { type: "button", textContent: "Copy" });
  const key = keyOf(row);
  copy.addEventListener("click", () => copyText(key, copy));
  fact("key", element("code", {}, quoted(key)), " ", copy);
  fact("row", fullRow(row));
  fact("set", data.sets[rows.set[row]]);
  fact("letter", letterOf(row));
  if (fontOf(row)) fact("font", quoted(fontOf(row)));
  fact("name", quoted(nameOf(row)));
  if (rows.group[row] >= 0) fact("group", `${rows.group[row]}, ${counted(rows.groupRows[row], "row")} within the radius`);
  if (rows.split[row] >= 0) fact("removed", ...removal(row));
  if (opened !== null && members.includes(row) && textOf(opened, "note")) fact(state.kind, ["note", "reason"].map((name) => textOf(opened, name)).filter(Boolean).join(", "));
  const title = element("h2", { textContent: `${shortRow(row)}: ${opened === null ? "" : KINDS[state.kind].title.toLowerCase()}`, tabIndex: -1 });
  const parts = [title];
  if (members.length > 1) {
    parts.push(thumbs(members.map((member) => [member, shortRow(member)]), row));
    if (members.length < total) parts.push(element("p", { className: "quiet", textContent: `and ${counted(total - members.length, "row")} that are not listed` }));
  }
  if (rows.image[row] >= 0) parts.push(element("h3", { textContent: "Row" }), canvasOf([rows.image[row]], 6));
  parts.push(facts);
  if (rows.split[row] >= 0) parts.push(actions(row));
  if (rows.image[row] >= 0) {
    const near = neighboursOf(row);
    parts.push(element("h3", { textContent: "Nearest rows on this page" }));
    parts.push(near.length ? thumbs(near.map(([other, distance]) => [other, `${shortRow(other)} at ${short(distance)}`])) : element("p", { className: "quiet", textContent: `None within ${data.searchRadius}.` }));
  }
  const close = element("button", { type: "button", textContent: "Close", className: "close" });
  close.addEventListener("click", closeDetail);
  detail.replaceChildren(...parts, close);
  detail.classList.toggle("opened", focus);
  if (focus) title.focus();
}

function removal(row) {
  if (!reasonOf(row)) return ["no"];
  const other = rows.collides[row], distance = rows.distance[row];
  const apart = distance === null ? "equal cells" : distance === 0 ? "equal pixels" : `distance ${short(distance)}`;
  return [other >= 0 && other !== row ? `${reasonOf(row)}: ${fullRow(other)} ${letterOf(other)}, ${apart}` : reasonOf(row)];
}

function closeDetail() {
  detail.classList.remove("opened");
  find("items").querySelector(`button.open[value="${opened}"]`)?.focus();
}
detail.addEventListener("keydown", (event) => { if (event.key === "Escape") closeDetail(); });

async function copyText(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = element("textarea", { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.textContent = "Copied";
}

// The selection

const subjectsOf = (item) => (state.kind === "removed" ? rowsOf(item).slice(0, 1) : rowsOf(item));
const isSelected = (item) => subjectsOf(item).every((row) => selection.has(row));
const isPartlySelected = (item) => !isSelected(item) && rowsOf(item).some((row) => selection.has(row));
const usualAction = (row) => (state.kind === "removed" && reasonOf(row) && !isLeak(row) ? "keep" : "drop");

function actions(row) {
  const select = element("select");
  fill(select, [["", "not selected"], ...Object.entries(ACTIONS)], selection.get(row));
  select.addEventListener("change", () => {
    if (select.value) selection.set(row, select.value);
    else selection.delete(row);
    renderSelection();
  });
  return element("p", { className: "actions" }, element("label", {}, "Override ", select));
}

find("items").addEventListener("change", ({ target }) => {
  if (target.type !== "checkbox") return;
  for (const row of subjectsOf(Number(target.value))) {
    if (target.checked) selection.set(row, selection.get(row) ?? usualAction(row));
    else selection.delete(row);
  }
  renderSelection();
});

fill(find("action"), [["", "as chosen"], ...Object.entries(ACTIONS)]);
find("action").addEventListener("change", ({ target }) => {
  if (target.value) for (const row of selection.keys()) selection.set(row, target.value);
  target.value = "";
  renderSelection();
});
find("clear").addEventListener("click", () => {
  selection.clear();
  renderSelection();
});

const overridden = () => [...selection].filter(([row]) => rows.split[row] >= 0);

function renderSelection() {
  for (const box of find("items").querySelectorAll("input[type=checkbox]")) {
    box.checked = isSelected(Number(box.value));
    box.indeterminate = isPartlySelected(Number(box.value));
    box.closest(".card").classList.toggle("selected", box.checked);
  }
  find("tray").hidden = !selection.size;
  const counts = new Map();
  for (const [, action] of overridden()) counts.set(action, (counts.get(action) ?? 0) + 1);
  const leaks = overridden().filter(([row, action]) => action === "keep" && isLeak(row)).length;
  find("chosen").textContent = `${counted(selection.size, "row")} selected: ${[...counts].map(([action, count]) => `${action} ${count}`).join(", ") || "no action"}${leaks ? `. keep has no effect on ${counted(leaks, "row")} that ${leaks === 1 ? "leaks" : "leak"} into another split` : ""}`;
  find("download-overrides").disabled = !overridden().length;
  const select = detail.querySelector(".actions select");
  if (select) select.value = selection.get(shownRow) ?? "";
}

// A spreadsheet would take a text that starts with one of these for a formula.
const harmless = (text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
const csvCell = (value) => { const text = String(value ?? ""); return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text; };
const csv = (lines) => lines.map((cells) => `${cells.map(csvCell).join(",")}\r\n`).join("");

function download(name, text) {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

find("download-rows").addEventListener("click", () => {
  const head = ["key", "set", "split", "row", "letter", "font", "name", "group", "removed", "collides with", "distance", "action"];
  const lines = [...selection].map(([row, action]) => [
    keyOf(row), data.sets[rows.set[row]], splitOf(row), rows.split[row] < 0 ? "" : rows.row[row], letterOf(row), harmless(fontOf(row)), harmless(nameOf(row)),
    rows.group[row] < 0 ? "" : rows.group[row], reasonOf(row), rows.collides[row] >= 0 ? keyOf(rows.collides[row]) : "", rows.distance[row], rows.split[row] < 0 ? "" : action,
  ]);
  download("rows.csv", csv([head, ...lines]));
});
find("download-overrides").addEventListener("click", () => {
  const lines = overridden().map(([row, action]) => [keyOf(row), ...action.split(" "), ""].slice(0, 3));
  download("overrides.csv", csv([["key", "action", "label"], ...lines]));
});

readAddress();
decodeSheets();
