/** Stands in the text of a message for an image that its model cannot be shown. */
export const IMAGE_NOTE = '[There is an image here, which cannot be shown to you.]';
