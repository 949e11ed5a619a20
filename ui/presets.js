// Presets of the settings, as `ui.setting_presets` offers them and as the user saved them in this
// browser. Runs once, when the page loads, with Gradio's `element`. Each function gets the values
// of a tab's controls in the order of `fields`, and returns what the event's outputs become.
const KEY = "starcoder-playground/presets";
const MAX_CHARS = 40;

const offered = () => JSON.parse(element.querySelector("[data-presets]").dataset.presets);
const byField = (values) => Object.fromEntries(offered().fields.map((field, at) => [field, values[at]]));
const inOrder = (settings) => offered().fields.map((field) => settings[field]);
const update = (changes) => ({ __type__: "update", ...changes });

// name: {field: value}. What is not of that form is not ours.
const readSaved = () => {
  try {
    const saved = Object.entries(JSON.parse(localStorage.getItem(KEY)) ?? {});
    const isValue = (value) => value === null || ["number", "string"].includes(typeof value);
    const isPreset = (each) => each !== null && typeof each === "object" && Object.values(each).every(isValue);
    return new Map(saved.filter(([, each]) => isPreset(each)));
  } catch {
    return new Map();
  }
};
const writeSaved = (saved) => {
  try {
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(saved)));
    return true;
  } catch {
    return false; // storage may be shut in a frame, or full
  }
};

const note = (tab, text) => {
  const place = document.querySelector(`#${tab}-preset-note p`);
  if (place) place.textContent = text;
};

// What a preset sets. A setting that was added since it was saved has its default.
const settingsOf = (tab, name) => {
  const { tabs, fields } = offered();
  const { builtIn, defaults } = tabs[tab];
  if (Object.hasOwn(builtIn, name)) return builtIn[name];
  const saved = readSaved().get(name);
  if (!saved) return null;
  const kept = fields.filter((field) => field !== "seed");
  return Object.fromEntries(kept.map((field) => [field, field in saved ? saved[field] : defaults[field]]));
};
const namesFor = (tab) => [...Object.keys(offered().tabs[tab].builtIn), ...readSaved().keys()];
const holds = (values, settings) =>
  Object.entries(settings).every(([field, value]) => (values[field] ?? "") === (value ?? ""));

// What Reset replaced, until something else is set. The controls change one after the other.
const replaced = {};
const isReset = (tab, values) => holds(values, offered().tabs[tab].defaults);

const choose = (tab, name, ...values) => {
  note(tab, "");
  return inOrder({ ...byField(values), ...settingsOf(tab, name) });
};

const show = (tab, chosen, ...values) => {
  const held = byField(values);
  const names = namesFor(tab);
  const { custom, tabs } = offered();
  const found = [chosen, ...names].find((name) => names.includes(name) && holds(held, settingsOf(tab, name)));
  const choices = [...names, custom].map((name) => [name, name]);
  const isOwn = found !== undefined && !Object.hasOwn(tabs[tab].builtIn, found);
  if (replaced[tab] && isReset(tab, held)) replaced[tab].isShown = true;
  else if (replaced[tab]?.isShown) delete replaced[tab];
  return [
    update({ choices, value: found ?? custom }),
    update({ visible: isOwn }),
    update({ value: playgroundTranslation.say(replaced[tab] ? "Undo reset" : "Reset") }),
  ];
};

const showAll = (tabs, values) => {
  const size = values.length / tabs.length;
  return tabs.flatMap((tab, at) => show(tab, ...values.slice(at * size, (at + 1) * size)));
};

const reset = (tab, ...values) => {
  const former = replaced[tab];
  note(tab, "");
  if (former) {
    delete replaced[tab];
    return former.values;
  }
  if (!isReset(tab, byField(values))) replaced[tab] = { values, isShown: false };
  return inOrder(offered().tabs[tab].defaults);
};

const name = (tab) => {
  const isOpen = document.getElementById(`${tab}-preset-name`) !== null;
  if (!isOpen) requestAnimationFrame(() => requestAnimationFrame(() => document.querySelector(`#${tab}-preset-name :is(input, textarea)`)?.focus()));
  return update({ visible: !isOpen });
};

const save = (tab, typed, ...values) => {
  const title = (typed ?? "").trim().slice(0, MAX_CHARS);
  const { tabs, custom } = offered();
  const isOurs = [...Object.keys(tabs[tab].builtIn), custom].some((each) => each.toLowerCase() === title.toLowerCase());
  const stay = Array(5).fill(update({}));
  if (!title || isOurs) {
    note(tab, title ? `“${title}” is one of ours: choose another name.` : "Give it a name.");
    return stay;
  }
  const saved = readSaved();
  const isNew = !saved.has(title);
  const { seed, ...settings } = byField(values);
  if (!writeSaved(saved.set(title, settings))) {
    note(tab, "This browser keeps nothing for this page: the preset was not saved.");
    return stay;
  }
  note(tab, `${isNew ? "Saved" : "Replaced"} “${title}”, in this browser only.`);
  return [...show(tab, title, ...values), update({ visible: false }), update({ value: "" })];
};

const remove = (tab, chosen, ...values) => {
  const saved = readSaved();
  if (saved.delete(chosen) && writeSaved(saved)) note(tab, `Deleted “${chosen}”. Its values stay.`);
  return show(tab, chosen, ...values);
};

// What to compare with: `ours`, and what was saved. The value of each is JSON, {"title", "settings"}.
// A preset that was saved anew stays chosen, as it is now; one that is gone does not.
const offer = (tab, chosen, ours) => {
  const saved = [...readSaved().keys()].map((title) => [title, JSON.stringify({ title, settings: settingsOf(tab, title) })]);
  const choices = [...ours, ...saved];
  const title = () => JSON.parse(chosen).title;
  const found = choices.find(([, value]) => value === chosen) ?? choices.find(([name]) => name === title()) ?? ours[0];
  return update({ choices, value: found[1] });
};

window.playgroundPresets = { offer, choose, show, showAll, reset, name, save, remove };
