/** The legend format that names a series by the labels in which it differs from the others. */
export const autoLegend = '__auto';
