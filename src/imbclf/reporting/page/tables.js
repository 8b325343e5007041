// A click on a column's head sorts its table; absent values stay at the end in either direction.
for (const table of document.querySelectorAll("table.sortable"))
  table.tHead.addEventListener("click", event => {
    const head = event.target.closest("th");
    if (!head) return;
    const direction = head.ariaSort === "ascending" ? -1 : 1;
    const key = row => row.cells[head.cellIndex].dataset.value;
    const compare = (one, other) => {
      const [x, y] = [key(one), key(other)];
      if (x === "" || y === "") return (x === "") - (y === "");
      const difference = x - y;
      return direction * (Number.isNaN(difference) ? x.localeCompare(y) : difference);
    };
    for (const other of head.parentNode.cells) other.ariaSort = null;
    head.ariaSort = direction === 1 ? "ascending" : "descending";
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
  });

// Commands and configurations can be copied.
for (const code of document.querySelectorAll("pre")) {
  const button = Object.assign(document.createElement("button"), {
    type: "button", className: "copy", textContent: "Copy",
  });
  const text = code.textContent;
  button.onclick = () => copyText(text, button);
  code.prepend(button);
}

// A page that is opened as a file may not have a clipboard: then the text is selected and copied.
async function copyText(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = Object.assign(document.createElement("textarea"), { value: text });
    button.after(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1200);
}
