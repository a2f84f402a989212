/** Whose the app's own names are, and nobody else's. */
export const OWN_TENANT = 'control-plane';
