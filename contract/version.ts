/** The version of Flotilla: one for master, agent and CLI, since they are one program. A house test holds it to package.json. */
export const version = '0.1.0'
