import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import type { Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import type { GrafanaTheme2 } from '@grafana/data';
import { tags } from '@lezer/highlight';

/** Dresses the editor as Grafana's own inputs are, in the theme that is on. */
export function grafanaTheme(theme: GrafanaTheme2): Extension {
  const { colors, components, shape, typography, shadows, zIndex } = theme;
  const frame = EditorView.theme(
    {
      '&': {
        backgroundColor: components.input.background,
        color: components.input.text,
        border: `1px solid ${components.input.borderColor}`,
        borderRadius: shape.radius.default,
        fontSize: typography.bodySmall.fontSize,
      },
      '&:hover': { borderColor: components.input.borderHover },
      '&.cm-focused': { outline: `2px solid ${colors.primary.main}`, outlineOffset: '1px' },
      '.cm-scroller': {
        fontFamily: typography.fontFamilyMonospace,
        lineHeight: '1.5',
        maxHeight: '40vh',
        overflow: 'auto',
      },
      '.cm-content': { caretColor: colors.text.primary, padding: theme.spacing(0.75, 0.5) },
      '.cm-cursor': { borderLeftColor: colors.text.primary },
      '.cm-placeholder': { color: colors.text.disabled },
      '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
        backgroundColor: colors.action.selected,
      },
      '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': {
        backgroundColor: colors.action.hover,
        outline: `1px solid ${colors.border.medium}`,
      },
      '.cm-tooltip': {
        backgroundColor: colors.background.elevated ?? colors.background.primary,
        color: colors.text.primary,
        border: `1px solid ${colors.border.weak}`,
        borderRadius: shape.radius.default,
        boxShadow: shadows.z2,
        zIndex: zIndex.portal,
      },
      '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: typography.fontFamilyMonospace, maxHeight: '320px' },
      '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: theme.spacing(0.25, 1) },
      '.cm-tooltip-autocomplete ul li[aria-selected]': {
        backgroundColor: colors.action.selected,
        color: colors.text.primary,
      },
      '.cm-tooltip.cm-completionInfo': { maxWidth: '400px', padding: theme.spacing(1) },
      '.cm-completionDetail': { color: colors.text.secondary, fontStyle: 'normal' },
      '.cm-completionMatchedText': { color: colors.text.link, textDecoration: 'none' },
      '.cm-diagnostic-error': { borderLeftColor: colors.error.border },
      '.cm-diagnostic-warning': { borderLeftColor: colors.warning.border },
    },
    { dark: theme.isDark }
  );
  return [frame, syntaxHighlighting(highlight(theme))];
}

function highlight({ visualization, colors, isDark }: GrafanaTheme2): HighlightStyle {
  const colour = (hue: string) => visualization.getColorByName(`${isDark ? 'light' : 'dark'}-${hue}`);
  return HighlightStyle.define([
    { tag: [tags.function(tags.variableName), tags.operatorKeyword], color: colour('blue') },
    { tag: [tags.modifier, tags.logicOperator], color: colour('purple') },
    { tag: tags.string, color: colour('green') },
    { tag: tags.number, color: colour('orange') },
    { tag: tags.labelName, color: colors.text.secondary },
    { tag: tags.variableName, color: colors.text.maxContrast },
    { tag: tags.comment, color: colors.text.secondary, fontStyle: 'italic' },
  ]);
}
