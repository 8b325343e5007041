// A click on an image, or Enter, shows it large: arrow keys for its neighbors, H for the heat map.
{
  const figures = [...document.querySelectorAll(".gallery figure")];
  const dialog = document.createElement("dialog");
  dialog.className = "viewer";
  dialog.setAttribute("aria-label", "Image");
  dialog.innerHTML = `<div class="stage"></div><p class="name"></p><p class="text"></p>
    <form method="dialog">
    <button type="button" value="-1">← Previous</button><button type="button" value="1">Next →</button>
    <button type="button" class="warm">Heat map (H)</button>
    <button type="button" class="copy-name">Copy name (C)</button><button>Close</button></form>`;
  const [stage, name, text] = [".stage", ".name", ".text"].map(part => dialog.querySelector(part));
  const [warm, copy] = [".warm", ".copy-name"].map(part => dialog.querySelector(part));
  let place = 0;
  let isWarm = false;

  const show = number => {
    place = (number + figures.length) % figures.length;
    const figure = figures[place];
    stage.replaceChildren(figure.querySelector(".view").cloneNode(true));
    stage.classList.toggle("hot", isWarm);
    warm.disabled = !figure.querySelector(".heat");
    warm.setAttribute("aria-pressed", isWarm);
    name.textContent = figure.title;
    text.textContent = `${figure.querySelector("img").alt.slice(figure.title.length + 2)}   ` +
      `(${place + 1} of ${figures.length})`;
    if (!dialog.open) dialog.showModal();
  };
  const heat = () => { isWarm = !isWarm; show(place); };
  const act = { ArrowLeft: () => show(place - 1), ArrowRight: () => show(place + 1),
                h: heat, c: () => copyText(name.textContent, copy) };

  for (const button of dialog.querySelectorAll("[value]"))
    button.onclick = () => show(place + Number(button.value));
  warm.onclick = heat;
  copy.onclick = act.c;
  dialog.onclick = event => { if (event.target === dialog) dialog.close(); };
  dialog.onclose = () => figures[place].focus();
  dialog.onkeydown = event => {
    const action = act[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  };
  figures.forEach((figure, number) => {
    figure.tabIndex = 0;
    figure.setAttribute("role", "button");
    figure.onclick = () => show(number);
    figure.onkeydown = event => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      show(number);
    };
  });
  if (figures.length) document.body.append(dialog);
}
