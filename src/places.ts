import { Cell } from '@jupyterlab/cells';
import { CodeMirrorEditor } from '@jupyterlab/codemirror';
import { NotebookPanel } from '@jupyterlab/notebook';
import { StateEffect, StateField } from '@codemirror/state';
import { Decoration, DecorationSet, EditorView } from '@codemirror/view';

/** A cell of the open notebook that feedback speaks of. */
export interface IPlace {
  /** The cell's first line. */
  label: string;
  /** Scrolls there and selects the cell; with `line` (from 1) that line is marked until it is changed. */
  go: (line?: number | null) => void;
}

/** Finds what the grader names in the notebook as it is now; null for what is gone. */
export interface IPlaces {
  cell: (id: string) => IPlace | null;
  /** The first code cell whose line of this number reads like `text`. */
  line: (number: number, text: string) => IPlace | null;
}

export function placesOf(panel: NotebookPanel): IPlaces {
  const notebook = panel.content;
  const place = (index: number): IPlace | null => {
    const cell = notebook.widgets[index];
    if (!cell) {
      return null;
    }
    return {
      label: source(cell).trim().split('\n')[0],
      go: line => void go(panel, cell, line ?? null)
    };
  };
  return {
    // the grader names a cell by its grade_id, or, where it has none, by its place in what was submitted
    cell: id => {
      const byPlace = /^cell-(\d+)/.exec(id);
      const index = notebook.widgets.findIndex(cell => gradeId(cell) === id);
      return place(index < 0 && byPlace ? Number(byPlace[1]) : index);
    },
    line: (number, text) =>
      place(
        notebook.widgets.findIndex(
          cell =>
            cell.model.type === 'code' &&
            source(cell).split('\n')[number - 1]?.trim() === text.trim()
        )
      )
  };
}

function source(cell: Cell): string {
  return cell.model.sharedModel.getSource();
}

export function gradeId(cell: Cell): string | undefined {
  return (cell.model.getMetadata('nbgrader') as { grade_id?: string } | undefined)?.grade_id;
}

async function go(panel: NotebookPanel, cell: Cell, line: number | null): Promise<void> {
  const notebook = panel.content;
  const index = notebook.widgets.indexOf(cell);
  if (index < 0) {
    return;
  }
  notebook.deselectAll();
  notebook.activeCellIndex = index;
  notebook.mode = 'command';
  panel.activate();
  await notebook.scrollToItem(index, 'smart');
  // a cell out of sight has no editor before it was scrolled to
  await cell.ready;
  if (line === null || !(cell.editor instanceof CodeMirrorEditor)) {
    return;
  }
  const view = cell.editor.editor;
  if (line < 1 || line > view.state.doc.lines) {
    return;
  }
  markedView?.dispatch({ effects: mark.of(null) });
  markedView = view;
  const { from } = view.state.doc.line(line);
  const effects: StateEffect<unknown>[] = [mark.of(from), EditorView.scrollIntoView(from)];
  if (!view.state.field(marked, false)) {
    effects.unshift(StateEffect.appendConfig.of(marked));
  }
  view.dispatch({ selection: { anchor: from }, effects });
}

let markedView: EditorView | null = null;
const mark = StateEffect.define<number | null>();
const markedLine = Decoration.line({ class: 'ch-MarkedLine' });

/** The line that feedback pointed at last, until its cell is edited. */
const marked: StateField<DecorationSet> = StateField.define({
  create: () => Decoration.none,
  update: (lines, transaction) => {
    for (const effect of transaction.effects) {
      if (effect.is(mark)) {
        return effect.value === null
          ? Decoration.none
          : Decoration.set([markedLine.range(effect.value)]);
      }
    }
    return transaction.docChanged ? Decoration.none : lines;
  },
  provide: field => EditorView.decorations.from(field)
});
