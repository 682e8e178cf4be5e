const box = document.getElementById("search");
const found = document.getElementById("found");
const menu = document.getElementById("menu");

function rank(text, words) {
  const name = text.toLowerCase();
  if (!words.every((word) => name.includes(word))) return -1;
  const last = name.split(".").pop();
  return last === words[0] ? 0 : last.startsWith(words[0]) ? 1 : 2;
}

function entry([text, address, page]) {
  const item = document.createElement("li");
  const link = item.appendChild(document.createElement("a"));
  link.href = address;
  link.textContent = text;
  if (page && !text.startsWith(page)) item.appendChild(document.createElement("small")).textContent = " " + page;
  return item;
}

box.addEventListener("input", () => {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  const ranked = INDEX.map((item) => [rank(item[0], words), item]).filter(([order]) => order >= 0);
  ranked.sort((a, b) => a[0] - b[0] || a[1][0].length - b[1][0].length);
  found.hidden = words.length === 0;
  menu.hidden = words.length > 0;
  found.replaceChildren(...ranked.slice(0, 40).map(([, item]) => entry(item)));
});
